"""The API's OpenAPI document, made from the same tables that serve it."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon import __version__
from daemon.observation import MOONLIGHTS, TWILIGHTS, VERDICTS
from daemon.record import label_files
from daemon.web import params
from daemon.web.api import OPERATIONS, Operation
from daemon.web.params import Json, Param
from daemon.web.present import STATES

TIME: Json = {"type": "string", "format": "date-time"}
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
COUNT: Json = {"type": "integer"}
YES_NO: Json = {"type": "boolean"}


def maybe(schema: Json) -> Json:
    """The same, or null where it was not established."""
    if "type" in schema and "enum" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Json) -> Json:
    """A list of such."""
    return {"type": "array", "items": schema}


def record(**fields: Json) -> Json:
    """An object with exactly these keys, all present."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def ref(name: str) -> Json:
    """One of the schemas below."""
    return {"$ref": f"#/components/schemas/{name}"}


_OBSERVATION = {
    "camera": TEXT,
    "observed_at": TIME,
    "fetched_at": TIME,
    "recorded_at": TIME,
    "verdict": {"type": "string", "enum": list(VERDICTS)},
    "reason": TEXT,
    "probability": maybe(NUMBER),
    "calibrated_probability": maybe(NUMBER),
    "threshold": maybe(NUMBER),
    "clear_probability": maybe(NUMBER),
    "shadow_probability": maybe(NUMBER),
    "colour_index": maybe(NUMBER),
    "colour_level": maybe(COUNT),
    "sun_altitude_deg": NUMBER,
    "moon_altitude_deg": NUMBER,
    "moon_phase_deg": NUMBER,
    "twilight": {"type": "string", "enum": list(TWILIGHTS)},
    "moonlight": {"type": "string", "enum": list(MOONLIGHTS)},
    "heatmap_area": maybe(NUMBER),
    "azimuth_deg": maybe(NUMBER),
    "elevation_deg": maybe(NUMBER),
    "model_sha256": maybe(TEXT),
    "source": maybe(TEXT),
    "picture": maybe(TEXT),
}
_EVENT = {
    "id": TEXT,
    "camera": TEXT,
    "onset_at": TIME,
    "confirmed_at": TIME,
    "strong_at": maybe(TIME),
    "ended_at": maybe(TIME),
    "ended_reason": maybe(TEXT),
    "peak_probability": NUMBER,
    "peak_at": maybe(TIME),
    "in_cool_down": YES_NO,
    "ongoing": YES_NO,
    "last_seen_at": maybe(TIME),
    "brightest_at": maybe(TIME),
    "brightest_level": maybe(COUNT),
    "brightest_cover": maybe(NUMBER),
    "picture": maybe(TEXT),
    "label": maybe(TEXT),
    "right": maybe(YES_NO),
}
_MESSAGE = {
    "kind": TEXT,
    "channel": TEXT,
    "audience": TEXT,
    "title": TEXT,
    "created_at": TIME,
    "delivered_at": maybe(TIME),
    "expired_at": maybe(TIME),
    "attempts": COUNT,
}
_CAMERA = {
    "name": TEXT,
    "title": TEXT,
    "timezone": TEXT,
    "cadence_s": NUMBER,
    "latitude_deg": maybe(NUMBER),
    "longitude_deg": maybe(NUMBER),
    "watched": YES_NO,
    "state": {"type": "string", "enum": list(STATES)},
    "words": TEXT,
    "next_step": TEXT,
    "observed_at": maybe(TIME),
    "verdict": maybe({"type": "string", "enum": list(VERDICTS)}),
    "picture": maybe(TEXT),
    "last_fetch_at": maybe(TIME),
    "last_frame_at": maybe(TIME),
    "stale": maybe(TEXT),
    "look": maybe(YES_NO),
    "alert": maybe(YES_NO),
    "reason": maybe(TEXT),
    "until": maybe(TIME),
}
_NIGHT = {
    "camera": TEXT,
    "night": {"type": "string", "format": "date"},
    "first_at": TIME,
    "last_at": TIME,
    **dict.fromkeys(("observations", "aurora", "clear", "obscured", "unusable", "not_looked", "stale", "moon_quarter", "moon_full", "events", "looked", "observable"), COUNT),
    "peak_probability": maybe(NUMBER),
    "peak_at": maybe(TIME),
    "aurora_share": maybe(NUMBER),
}  # fmt: skip
_LABEL = {name: maybe(TEXT) for name in label_files.COLUMNS} | {"model_probability": maybe(NUMBER)}

SCHEMAS: Json = {
    "Error": record(error=TEXT),
    "Cameras": record(cameras=listed(record(**_CAMERA))),
    "Observation": record(**_OBSERVATION),
    "Observations": record(observations=listed(ref("Observation"))),
    "ObservationWhole": record(
        **_OBSERVATION,
        heatmap=maybe(listed(listed(NUMBER))),
        outline=TEXT,
        words=TEXT,
        facts=listed(listed(TEXT)),
    ),
    "Event": record(**_EVENT),
    "Events": record(events=listed(ref("Event"))),
    "EventWhole": record(**_EVENT, messages=listed(record(**_MESSAGE))),
    "Nights": record(nights=listed(record(**_NIGHT))),
    "NightColumns": record(
        camera=TEXT,
        night=_NIGHT["night"],
        sheet=record(frames=COUNT, columns=COUNT, side=COUNT),
        observed_at=listed(TIME),
        clock=listed(TEXT),
        verdict=listed(TEXT),
        headline=listed(TEXT),
        detail=listed(TEXT),
        kind=listed(TEXT),
        calibrated_probability=listed(maybe(NUMBER)),
        threshold=listed(maybe(NUMBER)),
        certainty=listed(TEXT),
        needed=listed(TEXT),
        picture=listed(maybe(TEXT)),
    ),
    "Labels": record(labels=listed(record(**_LABEL))),
    "Queue": record(
        queue=listed(
            record(camera=TEXT, observed_at=TIME, picture=maybe(TEXT), where=TEXT, sky=TEXT, model=TEXT)
        )
    ),
}


def document() -> Json:
    """The whole OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aurorad",
            "version": __version__,
            "description": "The record of a night watch for the aurora, read-only. Times are UTC; "
            "null stands for what was not established.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {operation.path: {"get": _operation(operation)} for operation in OPERATIONS},
        "components": {"schemas": SCHEMAS},
    }


def _operation(operation: Operation) -> Json:
    content: Json = {operation.media_type: {"schema": ref(operation.gives) if operation.gives else {}}}
    refused: Json = {"application/json": {"schema": ref("Error")}}
    answers: Json = {
        "200": {"description": operation.summary, "content": content},
        "400": {"description": "A parameter is unknown or cannot be read", "content": refused},
        "404": {"description": "There is no such thing", "content": refused},
        "414": {"description": "The query is longer than 4 KiB", "content": refused},
        "503": {"description": "The database cannot be read just now", "content": refused},
    }
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *_parameters(operation.path_params, "path"),
            *_parameters(operation.params, "query"),
        ],
        "responses": answers,
    }


def _parameters(table: Iterable[Param], where: str) -> list[Json]:
    return [
        {
            "name": param.name,
            "in": where,
            "required": where == "path",
            "description": param.description,
            "schema": param.schema,
        }
        for param in table
    ]


def serve(request: Request) -> Response:
    """``/api/openapi.json``."""
    params.read(request, ())
    return JSONResponse(document())
