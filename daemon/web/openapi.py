"""The API's OpenAPI document, made from the same tables that serve it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon import __version__, sighting
from daemon.observation import Description
from daemon.record import label_files
from daemon.record.columns import ObservationRow
from daemon.record.rows import LabelRow, MessageRow, NightRow
from daemon.web import answers, classify, params
from daemon.web.api import MESSAGE_KEYS, OPERATIONS, Operation
from daemon.web.params import Json, Param

TIME: Json = {"type": "string", "format": "date-time"}
DATE: Json = {"type": "string", "format": "date"}
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


def of_type(name: str, hint: Any) -> Json:
    """The schema of a row's key, by its Python type; what is called ``…_at`` is a time."""
    if get_origin(hint) is Annotated:
        plain, said = get_args(hint)
        return TIME if said == TIME["format"] else of_type(name, plain)
    if get_origin(hint) in (list, tuple):
        return listed(of_type(name, get_args(hint)[0]))
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": of_type(name, get_args(hint)[1])}
    if is_typeddict(hint):
        return record(**of_row(hint))
    if type(None) in get_args(hint):
        (there,) = (one for one in get_args(hint) if one is not type(None))
        return maybe(of_type(name, there))
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if hint is str and name.endswith("_at"):
        return TIME
    if name == "night":
        return DATE
    return {str: TEXT, bool: YES_NO, int: COUNT, float: NUMBER}[hint]


def of_row(row: type, *, without: Container[str] = (), only: Container[str] | None = None) -> Json:
    """The schemas of a row's keys, from the very type that mypy knows it by."""
    return {
        name: of_type(name, hint)
        for name, hint in get_type_hints(row, include_extras=True).items()
        if name not in without and (only is None or name in only)
    }


_OBSERVATION = of_row(ObservationRow, without=("heatmap", "mask"))
_EVENT = of_row(answers.EventAnswer)
_MESSAGE = of_row(MessageRow, only=MESSAGE_KEYS)
_NIGHT = of_row(NightRow)
_LABEL = of_row(LabelRow, only=label_files.COLUMNS)


def _described() -> Json:
    """The schemas of what one picture shows of aurora; each may be null."""
    hints = get_type_hints(Description)
    return {name: of_type(name, hints[name] | None) for name in sighting.DESCRIBED}


_JUDGED = {
    "camera": TEXT,
    "at": TIME,
    "verdict": _OBSERVATION["verdict"],
    "reason": TEXT,
    **{
        name: _OBSERVATION[name]
        for name in (
            "probability",
            "calibrated_probability",
            "clear_probability",
            "threshold",
            "heatmap_area",
            "azimuth_deg",
            "elevation_deg",
            "model_sha256",
        )
    },
    **_described(),
    "brightness": TEXT,
    "direction": TEXT,
    "words": TEXT,
}

SCHEMAS: Json = {
    "Judged": record(**_JUDGED),
    "Error": record(error=TEXT),
    "Cameras": record(cameras=listed(record(**of_row(answers.CameraAnswer)))),
    "Observation": record(**_OBSERVATION),
    "Observations": record(observations=listed(ref("Observation"))),
    "ObservationWhole": record(**(_OBSERVATION | of_row(answers.ObservationDetails))),
    "Event": record(**_EVENT),
    "Events": record(events=listed(ref("Event"))),
    "EventWhole": record(**_EVENT, messages=listed(record(**_MESSAGE))),
    "Nights": record(nights=listed(record(**_NIGHT))),
    "NightColumns": record(**of_row(answers.NightAnswer)),
    "Labels": record(labels=listed(record(**_LABEL))),
    "Queue": record(queue=listed(record(**of_row(answers.QueuedAnswer)))),
}


def document(root: str = "") -> Json:
    """The whole OpenAPI 3.1 document; ``root`` is the path a proxy has before ours."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aurorad",
            "version": __version__,
            "description": "The record of a night watch for the aurora, read-only, and its judgement of a picture. Times are UTC; "
            "null stands for what was not established.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": f"{root}/"}],
        "paths": {operation.path: {"get": _operation(operation)} for operation in OPERATIONS}
        | {"/api/classify": {"post": _classify()}},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _classify() -> Json:
    """The one operation that takes a picture; it records nothing."""
    picture: Json = {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}
    refused = {
        400: "A parameter is unknown or cannot be read",
        401: "The token is missing",
        403: "It comes from another site",
        404: "There is no such camera",
        413: "The picture is larger than 20 MB",
        414: "The query is longer than 4 KiB",
        415: "It is not sent as a picture",
        422: "It is no picture that can be read",
        429: "Too many pictures, or wrong tokens; Retry-After says how long to wait",
        503: "There is no model at work, or it had no time",
    }
    error: Json = {"application/json": {"schema": ref("Error")}}
    return {
        "operationId": "classify",
        "summary": "Judge a picture; nothing is recorded",
        "parameters": _parameters(classify.PARAMS, "query"),
        "security": [{}, {"token": []}],
        "requestBody": {
            "required": True,
            "content": dict.fromkeys(("image/jpeg", "image/png", "application/octet-stream"), picture),
        },
        "responses": {
            "200": {
                "description": "What is to be said of it",
                "content": {"application/json": {"schema": ref("Judged")}},
            },
            **{str(status): {"description": why, "content": error} for status, why in refused.items()},
        },
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
    return JSONResponse(document(request.scope.get("root_path", "")))
