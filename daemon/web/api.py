"""The record as JSON, read-only. Each operation stands once, in :data:`OPERATIONS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon import sighting, words
from daemon.errors import UsageError
from daemon.observation import from_utc_text, utc_text
from daemon.record import label_files
from daemon.record.columns import ObservationRow, mask_from_bytes
from daemon.record.rows import EventRow
from daemon.record.store import Reader, heatmap_from_bytes
from daemon.web import params, phrases, presenters, sight
from daemon.web.answers import CameraAnswer, NightAnswer, ObservationDetails, QueuedAnswer
from daemon.web.frames import SHEET_COLUMNS, SHEET_FRAMES, SHEET_SIDE
from daemon.web.params import Param
from daemon.web.ports import View
from daemon.web.site import Site, night_of_text, site_of
from daemon.web.strip import instant_of
from daemon.web.tongues import _

MESSAGE_KEYS = (
    "kind",
    "channel",
    "audience",
    "title",
    "created_at",
    "delivered_at",
    "expired_at",
    "attempts",
)
"""What the API gives of a message: nothing that might hold an address."""


@dataclass(frozen=True)
class Operation:
    """One GET: where, what it takes, what it gives. ``path_params`` are always required."""

    path: str
    name: str
    summary: str
    gives: str
    handler: Callable[[Request], Response]
    params: tuple[Param, ...] = ()
    path_params: tuple[Param, ...] = ()
    media_type: str = "application/json"


def cameras(request: Request) -> Response:
    """The cameras and the live state of their watch."""
    site = site_of(request)
    params.read(request, ())
    with site.reader() as reader:
        listed = [camera(site, view, reader) for view in site.all_views(reader)]
    return JSONResponse({"cameras": listed})


def camera(site: Site, view: View, reader: Reader) -> CameraAnswer:
    """One camera as ``/api/cameras`` lists it."""
    status, here = site.ports.status.camera(view.name), site.present(view, reader)
    row = here.row if here.state == "live" else None
    return {
        "name": view.name,
        "title": view.title,
        "timezone": view.home_zone,
        "cadence_s": view.cadence_s,
        "latitude_deg": view.latitude_deg if view.placed else None,
        "longitude_deg": view.longitude_deg if view.placed else None,
        "watched": status is not None,
        "state": here.state,
        "words": here.finding.sentence,
        "next_step": here.finding.next_step,
        "observed_at": row["observed_at"] if row else None,
        "verdict": row["verdict"] if row else None,
        "picture": presenters.picture_url(row["picture"]) if row else None,
        "last_fetch_at": _text(status.fetched_at) if status else None,
        "last_frame_at": _text(status.framed_at) if status else None,
        "stale": status.stale if status else None,
        "look": status.gate.look if status else None,
        "alert": status.gate.alert if status else None,
        "reason": status.gate.reason if status else None,
        "until": _text(status.gate_until) if status else None,
    }


def _text(at: datetime | None) -> str | None:
    return utc_text(at) if at is not None else None


def observations(request: Request) -> Response:
    """Observations between two instants."""
    site = site_of(request)
    asked = params.read(
        request, (params.CAMERA, params.SINCE, params.UNTIL, params.VERDICT, params.ORDER, params.LIMIT)
    )
    with site.reader() as reader:
        rows = reader.between(
            _known(site, reader, asked),
            asked.get("since"),
            asked.get("until"),
            asked.get("limit", 500),
            newest_first=asked.get("order") == "newest",
            verdict=asked.get("verdict"),
        )
    return JSONResponse({"observations": [_observation(row) for row in rows]})


def observation(request: Request) -> Response:
    """One observation with its heat map, the map's outline, the aurora mask, and the page's words for it."""
    site = site_of(request)
    params.read(request, ())
    at = _path_value(request, "observed_at", params.instant)
    with site.reader() as reader:
        view = next((v for v in site.all_views(reader) if v.name == request.path_params["camera"]), None)
        row = reader.at(view.name, at) if view else None
    if row is None or view is None:
        raise HTTPException(404, "there is no such observation")
    return JSONResponse(_observation(row) | _details(row, view))


def _observation(row: ObservationRow) -> dict[str, object]:
    plain = {key: value for key, value in row.items() if key not in ("heatmap", "mask")}
    return plain | {"picture": presenters.picture_url(row["picture"])}


def _details(row: ObservationRow, view: View) -> ObservationDetails:
    kept = row["heatmap"]
    return {
        "heatmap": heatmap_from_bytes(kept).round(3).tolist() if kept else None,
        "outline": presenters.outline(kept),
        "mask": _mask(row["mask"]),
        "words": phrases.of_row(row, view.timezone).sentence,
        "facts": [list(fact) for fact in presenters.facts(row)],
    }


def _mask(kept: bytes | None) -> list[str] | None:
    """Rows of the sky disc from the top, a character a cell: 1 where there is aurora."""
    if kept is None:
        return None
    return ["".join("1" if cell else "0" for cell in row) for row in mask_from_bytes(kept)]


def events(request: Request) -> Response:
    """Aurora events, newest first."""
    site = site_of(request)
    asked = params.read(request, _EVENT_PARAMS)
    with site.reader() as reader:
        _known(site, reader, asked)
        query = params.event_query(asked, site.views) | {"strong": asked.get("strong")}
        rows = reader.events(**query, limit=asked.get("limit", 500), offset=asked.get("offset", 0))
        ongoing = _ongoing(site, reader, rows)
    return JSONResponse({"events": [_event(row, ongoing) for row in rows]})


def event(request: Request) -> Response:
    """One event, with the messages sent about it."""
    site = site_of(request)
    params.read(request, ())
    with site.reader() as reader:
        row = reader.event(request.path_params["id"])
        if row is None:
            raise HTTPException(404, "there is no such event")
        ongoing = _ongoing(site, reader, [row])
    messages = [{key: dict(message)[key] for key in MESSAGE_KEYS} for message in row["messages"]]
    return JSONResponse(_event(row, ongoing) | {"messages": messages})


def _ongoing(site: Site, reader: Reader, rows: Sequence[EventRow]) -> frozenset[str]:
    return site.ongoing(rows, {view.name: view for view in site.all_views(reader)}, reader)


def _event(row: EventRow, ongoing: frozenset[str]) -> dict[str, object]:
    plain = {key: value for key, value in row.items() if key not in ("messages", "in_cool_down")}
    return plain | {
        "picture": presenters.picture_url(row["picture"]),
        "in_cool_down": bool(row["in_cool_down"]),
        "ongoing": row["id"] in ongoing,
    }


def nights(request: Request) -> Response:
    """Nights with their sums."""
    site = site_of(request)
    asked = params.read(request, (params.CAMERA, params.FROM_NIGHT, params.TO_NIGHT))
    with site.reader() as reader:
        rows = reader.nights(_known(site, reader, asked), asked.get("since"), asked.get("until"))
    return JSONResponse({"nights": rows})


def night(request: Request) -> Response:
    """One night's frames as columns, for going through them."""
    site = site_of(request)
    asked = params.read(request, (params.CAMERA,))
    day = night_of_text(request.path_params["night"])
    with site.reader() as reader:
        _known(site, reader, asked)
        view = site.view(request, reader)
        rows = reader.night(view.name, day)
    return JSONResponse(_columns(view, day, rows))


def _columns(view: View, day: date, rows: Sequence[ObservationRow]) -> NightAnswer:
    times = [instant_of(row["observed_at"]) for row in rows]
    findings = [phrases.of_row(row, view.timezone) for row in rows]
    return {
        "camera": view.name,
        "night": day.isoformat(),
        "sheet": {"frames": SHEET_FRAMES, "columns": SHEET_COLUMNS, "side": SHEET_SIDE},
        "observed_at": [row["observed_at"] for row in rows],
        "clock": [phrases.clock_and_zone(at, view.timezone) for at in times],
        "verdict": [row["verdict"] for row in rows],
        "headline": [finding.headline for finding in findings],
        "detail": [finding.detail for finding in findings],
        "kind": [finding.kind for finding in findings],
        "calibrated_probability": [row["calibrated_probability"] for row in rows],
        "threshold": [row["threshold"] for row in rows],
        "certainty": [presenters.certainty(sighting.sure_of(row)) for row in rows],
        "needed": [presenters.certainty(row["threshold"]) for row in rows],
        "strength": [sight.strength_of(row) for row in rows],
        "picture": [presenters.picture_url(row["picture"]) for row in rows],
    }


def labels(request: Request) -> Response:
    """The labels people gave, each frame's valid one."""
    site = site_of(request)
    asked = params.read(request, (params.CAMERA, params.SINCE))
    with site.reader() as reader:
        rows = reader.labels(_known(site, reader, asked), asked.get("since"))
    return JSONResponse({"labels": [{key: dict(row)[key] for key in label_files.COLUMNS} for row in rows]})


def labels_csv(request: Request) -> Response:
    """The same as CSV, for a spreadsheet or ``aurorad-train sample``."""
    site = site_of(request)
    params.read(request, ())
    with site.reader() as reader:
        rows = reader.labels()
    return Response(label_files.as_csv(rows), media_type="text/csv", headers=_as_file("aurorad-labels.csv"))


def labels_parquet(request: Request) -> Response:
    """The same as Parquet, where pyarrow is installed."""
    site = site_of(request)
    params.read(request, ())
    with site.reader() as reader:
        rows = reader.labels()
    try:
        data = label_files.as_parquet(rows)
    except UsageError as error:
        raise HTTPException(404, str(error)) from None
    return Response(
        data, media_type="application/vnd.apache.parquet", headers=_as_file("aurorad-labels.parquet")
    )


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def queue(request: Request) -> Response:
    """Frames to label, the most useful first."""
    site = site_of(request)
    asked = params.read(request, _QUEUE_PARAMS)
    with site.reader() as reader:
        rows = reader.label_queue(
            asked.get("queue", "uncertainty"),
            _known(site, reader, asked),
            night=asked.get("night"),
            limit=asked.get("limit", 200),
            seed=asked.get("seed", 0),
        )
        views = {view.name: view for view in site.all_views(reader)}
    return JSONResponse({"queue": list(_queued(rows, views))})


def _queued(rows: Sequence[ObservationRow], views: Mapping[str, View]) -> Iterator[QueuedAnswer]:
    for row in rows:
        view = views[row["camera"]]
        at = from_utc_text(row["observed_at"])
        here = phrases.local(at, view.timezone)
        yield {
            "camera": row["camera"],
            "observed_at": row["observed_at"],
            "picture": presenters.picture_url(row["picture"]),
            "where": f"{view.title}, {here:%Y-%m-%d %H:%M} {words.zone(here)}",
            "sky": _(
                "sun %(altitude)s, %(moon)s",
                altitude=phrases.degrees(row["sun_altitude_deg"]),
                moon=phrases.moon(row),
            ),
            "model": _(
                "%(finding)s; probability %(percent)s, aurora from %(threshold)s",
                finding=phrases.of_row(row, view.timezone).sentence,
                percent=presenters.certainty(row["calibrated_probability"]),
                threshold=presenters.certainty(row["threshold"]),
            ),
        }


def _known(site: Site, reader: Reader, asked: Mapping[str, Any]) -> str | None:
    """The camera asked for. Raises 404 where there is none of that name."""
    wanted: str | None = asked.get("camera")
    if wanted is not None and wanted not in {view.name for view in site.all_views(reader)}:
        raise HTTPException(404, "there is no camera of that name")
    return wanted


def _path_value(request: Request, name: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(request.path_params[name])
    except ValueError as error:
        raise HTTPException(404, f"{name}: {error}") from None


_EVENT_PARAMS = (
    params.CAMERA, params.SINCE, params.UNTIL, params.STRONG, params.MIN_PROBABILITY, params.JUDGED,
    params.LIMIT, params.OFFSET,
)  # fmt: skip
_QUEUE_PARAMS = (params.QUEUE, params.CAMERA, params.NIGHT, params.SEED, params.LIMIT)
_AT = Param(
    "observed_at", {"type": "string", "format": "date-time"}, params.instant, "The instant, to the second."
)
_NIGHT_PATH = Param(
    "night", {"type": "string", "format": "date"}, params.day, "The date of the night's morning."
)
_CAMERA_PATH = Param("camera", {"type": "string"}, params.name, "Name of a camera.")
_ID = Param("id", {"type": "string"}, str, "The event's id.")

OPERATIONS = (
    Operation("/api/cameras", "cameras", "Cameras and the live state of their watch", "Cameras", cameras),
    Operation(
        "/api/observations", "observations", "Observations between two instants", "Observations", observations,
        (params.CAMERA, params.SINCE, params.UNTIL, params.VERDICT, params.ORDER, params.LIMIT),
    ),
    Operation(
        "/api/observations/{camera}/{observed_at}", "observation", "One observation with its heat map",
        "ObservationWhole", observation, path_params=(_CAMERA_PATH, _AT),
    ),
    Operation("/api/events", "events", "Aurora events, newest first", "Events", events, _EVENT_PARAMS),
    Operation("/api/events/{id}", "event", "One event and its messages", "EventWhole", event, path_params=(_ID,)),
    Operation(
        "/api/nights", "nights", "Nights and their sums", "Nights", nights,
        (params.CAMERA, params.FROM_NIGHT, params.TO_NIGHT),
    ),
    Operation(
        "/api/nights/{night}", "night", "One night's frames as columns", "NightColumns", night,
        (params.CAMERA,), (_NIGHT_PATH,),
    ),
    Operation("/api/labels", "labels", "Labels that people gave", "Labels", labels, (params.CAMERA, params.SINCE)),
    Operation("/api/labels.csv", "labelsCsv", "Labels as CSV", "", labels_csv, media_type="text/csv"),
    Operation(
        "/api/labels.parquet", "labelsParquet", "Labels as Parquet, where pyarrow is installed", "",
        labels_parquet, media_type="application/vnd.apache.parquet",
    ),
    Operation("/api/queue", "queue", "Frames to label, the most useful first", "Queue", queue, _QUEUE_PARAMS),
)  # fmt: skip
