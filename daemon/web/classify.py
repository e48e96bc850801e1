"""``POST /api/classify``: a picture in, a verdict out. For Allsky, indi-allsky and whoever else has a picture.

It needs the token, as all that costs does, and what it costs is bounded: one picture is received and judged
at a time, so many a minute, so many bytes, so long.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import anyio
from anyio import CapacityLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon import sighting, words
from daemon.errors import ClockError, FootageError, ModelError
from daemon.observation import Observation, utc_text
from daemon.web import actions, params
from daemon.web.params import Param
from daemon.web.ports import Classifier, View
from daemon.web.site import site_of
from daemon.web.turns import A_MINUTE, Turns

MAX_PICTURE_BYTES = 20_000_000
JUDGED_WITHIN_S = 30.0  # a minute's worth of patience on the slowest machine
AT = Param(
    "at",
    {"type": "string", "format": "date-time"},
    params.instant,
    "When the picture was taken; without it: now.",
)
PARAMS = (params.CAMERA, AT)


async def classify(request: Request) -> Response:
    """The picture is the body, as it is: JPEG or PNG."""
    site = site_of(request)
    actions.admit(request, site)
    if not request.headers.get("content-type", "").startswith(("image/", "application/octet-stream")):
        raise HTTPException(415, "send the picture itself, as image/jpeg or image/png")
    asked = params.read(request, PARAMS)
    judge, view = site.ports.classify, site.views.get(asked.get("camera") or next(iter(site.views)))
    if view is None:
        raise HTTPException(404, "no camera of that name is watched")
    if judge is None:
        raise HTTPException(503, "no model is at work here")
    wait_s = site.turns.take()
    if wait_s:
        raise HTTPException(429, f"one picture at a time, {A_MINUTE} a minute", {"retry-after": str(wait_s)})
    try:
        data = await request.body()  # bounded by the route's max_body_size, in time by the connection
    except BaseException:
        site.turns.give_back()
        raise
    return JSONResponse(await _judged(site.turns, judge, data, view, asked.get("at") or site.now()))


async def _judged(turns: Turns, judge: Classifier, data: bytes, view: View, at: datetime) -> dict[str, Any]:
    """What is to be said of the picture; the turn ends with the thread, not with our patience."""

    def look() -> Observation:
        try:
            return judge(data, view.name, at)
        finally:
            turns.give_back()

    try:
        with anyio.fail_after(JUDGED_WITHIN_S):
            seen = await anyio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except ClockError as error:
        raise HTTPException(400, f"parameter 'at': {error}") from None
    except FootageError as error:
        raise HTTPException(422, f"{error} ({error.reason})") from None
    except ModelError as error:
        raise HTTPException(503, f"the model cannot be used just now: {error}") from None
    except TimeoutError:
        raise HTTPException(503, "the picture could not be judged in time", {"retry-after": "60"}) from None
    return told(seen)


def told(seen: Observation) -> dict[str, Any]:
    """An observation as ``aurorad classify --json`` gives it, and in words for a picture's overlay."""
    lit, shown = seen.verdict == "aurora", seen.description
    where = (seen.azimuth_deg, seen.elevation_deg) if lit else (None, None)
    bright = words.brightness(shown.level, shown.cover) if lit and shown else ""
    direction = words.direction(*where)
    answer = sighting.of_one_picture(
        seen.verdict, seen.reason, seen.prediction, seen.heatmap_area, where, shown
    )
    return answer | {
        "camera": seen.camera,
        "at": utc_text(seen.observed_at),
        "threshold": seen.threshold,
        "brightness": bright,
        "direction": direction,
        "words": ", ".join(filter(None, (seen.verdict, bright, direction))),
    }
