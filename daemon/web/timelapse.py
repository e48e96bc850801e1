"""The addresses of timelapses and cards, and whether there is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from daemon.record import keepsake_files
from daemon.web.asking import url
from daemon.web.site import Site, night_of_text, site_of

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TYPES = {"mp4": "video/mp4", "png": "image/png"}


def of_night(request: Request) -> Response:
    """``/timelapse/<camera>/<night>.mp4``, or the card with ``.png``."""
    night, camera = night_of_text(request.path_params["night"]), _name(request.path_params["camera"])
    return _file(request, keepsake_files.of_night(_state_dir(site_of(request)), camera, night))


def of_event(request: Request) -> Response:
    """``/timelapse/event/<id>.mp4``, or the card with ``.png``."""
    name = _name(request.path_params["id"])
    return _file(request, keepsake_files.of_event(_state_dir(site_of(request)), name))


def offered_of_night(site: Site, camera: str, night: date) -> dict[str, str] | None:
    """Addresses of a night's ``movie`` and ``poster``, or None where there is none."""
    movie = keepsake_files.of_night(_state_dir(site), camera, night)
    return _offered(movie, f"/timelapse/{camera}/{night.isoformat()}")


def offered_of_event(site: Site, event_id: str) -> dict[str, str] | None:
    """The same of an event."""
    return _offered(keepsake_files.of_event(_state_dir(site), event_id), f"/timelapse/event/{event_id}")


def movie_of_event(site: Site) -> Callable[[str], str | None]:
    """Gives the address of an event's movie by its id, or None where there is none."""
    return lambda event_id: (offered_of_event(site, event_id) or {}).get("movie")


def _offered(movie: Path, address: str) -> dict[str, str] | None:
    if not movie.is_file():
        return None
    return {"movie": url(f"{address}.mp4"), "poster": url(f"{address}.png")}


def _state_dir(site: Site) -> Path:
    return site.ports.frames_dir.parent


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise HTTPException(404, "there is no such timelapse")
    return text


def _file(request: Request, movie: Path) -> Response:
    kind = request.path_params["kind"]
    path = keepsake_files.card_of(movie) if kind == "png" else movie
    if kind not in _TYPES or not path.is_file():
        raise HTTPException(404, "there is no such timelapse")
    return FileResponse(path, media_type=_TYPES[kind], headers={"cache-control": "max-age=3600"})
