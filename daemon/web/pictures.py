"""The pictures' addresses: the present one, kept frames, sheets of thumbnails, the keogram."""

from __future__ import annotations

import re
from email.utils import format_datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon import sighting, words
from daemon.observation import from_utc_text
from daemon.record.columns import ObservationRow
from daemon.web import frames, params, phrases
from daemon.web.frames import KEEP_S, SHEET_FRAMES, answer, etag_of
from daemon.web.ports import View
from daemon.web.site import night_of_text, site_of
from daemon.web.strip import span_of, widened

MINUTE_S = 60


def latest(request: Request) -> Response:
    """The picture of the present, and only that; 404 with the reason where there is none.

    ``?overlay=true`` draws in where aurora is seen, and writes verdict, brightness, direction and time under it.
    """
    site = site_of(request)
    overlay = params.yes_or_no_or_none(request.query_params.get("overlay"))
    with site.reader() as reader:
        view = site.view(request, reader)
        here = site.present(view, reader)
    if here.state != "live" or here.row is None or not here.row["picture"]:
        why = here.finding.sentence if here.state != "live" else "pictures are not kept"
        raise HTTPException(404, f"there is no picture of the present: {why}", {"cache-control": "no-store"})
    data, etag = site.pictures.sized(here.row["picture"], None)
    if overlay:
        lit = here.row["verdict"] == "aurora"
        data = site.pictures.captioned(data, here.row["heatmap"] if lit else None, caption(here.row, view))
        etag = etag_of(data)
    reply = answer(request, data, etag, frames.media_type_of(data), 0)
    reply.headers["last-modified"] = format_datetime(from_utc_text(here.row["observed_at"]), usegmt=True)
    return reply


def caption(row: ObservationRow, view: View) -> str:
    """``aurora, bright, north-west, 35° up, 21:50 MST``."""
    lit = row["verdict"] == "aurora"
    return ", ".join(
        filter(
            None,
            (
                row["verdict"],
                sighting.brightness(row),
                words.direction(row["azimuth_deg"], row["elevation_deg"]) if lit else "",
                phrases.clock_and_zone(from_utc_text(row["observed_at"]), view.timezone),
            ),
        )
    )


def frame(request: Request) -> Response:
    """A kept picture; ``?w=`` the width it is shown at."""
    asked = request.query_params.get("w")
    if asked is not None and not re.fullmatch(r"[1-9][0-9]{1,3}", asked):
        raise HTTPException(400, "w: the width in pixels, 10 to 9999")
    pictures = site_of(request).pictures
    data, etag = pictures.sized(request.path_params["path"], int(asked) if asked else None)
    return answer(request, data, etag, frames.media_type_of(data), KEEP_S)


def panorama(request: Request) -> Response:
    """A kept picture unrolled along the horizon; 404 where the camera's orientation is not known."""
    site, path = site_of(request), request.path_params["path"]
    with site.reader() as reader:
        views = {view.name: view for view in site.all_views(reader)}
    view = views.get(path.partition("/")[0])
    if view is None or view.orientation is None:
        raise HTTPException(404, "this camera's orientation is not known")
    data, etag = site.pictures.unrolled(path, view.orientation)
    return answer(request, data, etag, "image/jpeg", KEEP_S)


def sheet(request: Request) -> Response:
    """Thumbnails of sixty frames of a night, in order."""
    site = site_of(request)
    night = night_of_text(request.path_params["night"])
    number = request.path_params["number"]
    if not re.fullmatch(r"[0-9]{1,3}", number):
        raise HTTPException(404, "sheets are numbered from 0")
    with site.reader() as reader:
        rows = reader.night(request.path_params["camera"], night)
    names = [row["picture"] for row in rows][int(number) * SHEET_FRAMES :][:SHEET_FRAMES]
    if not names:
        raise HTTPException(404, "there is no such sheet")
    data = site.pictures.sheet(names)
    return answer(
        request, data, etag_of(data), "image/jpeg", KEEP_S if len(names) == SHEET_FRAMES else MINUTE_S
    )


def keogram(request: Request) -> Response:
    """The night's north–south line over time, on the strip's own axis."""
    site = site_of(request)
    night = night_of_text(request.path_params["night"])
    with site.reader() as reader:
        views = {view.name: view for view in site.all_views(reader)}
        view = views.get(request.path_params["camera"])
        columns = reader.columns(view.name, night) if view else []
        rows = reader.nights(view.name, night, night) if view else []
    if view is None or not rows:
        raise HTTPException(404, "there is no such night")
    times = [from_utc_text(rows[0][key]) for key in ("first_at", "last_at")]
    start, end = widened(span_of(view.midnight(night), site.sky(view, night)), *times)
    kept = [(from_utc_text(row["observed_at"]), bytes(row["rgb"])) for row in columns]
    data = frames.keogram(kept, start, end, view.cadence_s)
    return answer(request, data, etag_of(data), "image/png", MINUTE_S)
