"""The newest starry picture with what the stars showed drawn in: why a camera's directions are to be believed."""

from __future__ import annotations

import hashlib
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.footage import image
from daemon.footage.find_disc import whole_picture
from daemon.footage.points import find_points
from daemon.footage.star_chart import star_chart
from daemon.observation import Orientation, from_utc_text, utc_text
from daemon.record.store import Reader
from daemon.sky.ephemeris import Observatory
from daemon.sky.stars.visibility import RINGS_DEG, on_points
from daemon.web.frames import answer, decoded, etag_of
from daemon.web.ports import View
from daemon.web.site import site_of

NEWEST = 60
"""Frames that showed stars among which the starriest is shown."""
DAYS = 30
"""How far before the newest kept picture they are looked for."""
MINUTE_S = 60
MOST_POINTS = 1500


def stars(request: Request) -> Response:
    """A square JPEG: grid, horizon, compass, stars found and not found. 404 with the reason where there is none."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        found = starriest(reader, view.name)
    turned = view.orientation
    if turned is None:
        raise HTTPException(404, "this camera's lens is not known: no directions are given")
    if turned.lens is None:
        raise HTTPException(
            404, "this camera's lens is not known, only how it is turned: the stars cannot be drawn in"
        )
    if not view.placed:
        raise HTTPException(404, "where this camera stands is not known: the stars cannot be drawn in")
    if found is None:
        raise HTTPException(404, "no picture is kept in which the stars were found")
    path, at, limit = found
    data = site.pictures.bytes_of(path)
    key = ("stars", hashlib.blake2b(data, digest_size=12).hexdigest(), turned)
    made = site.pictures.cache.get(key, lambda: _drawn(data, at, limit, view, turned))
    reply = answer(request, made, etag_of(made), "image/jpeg", MINUTE_S)
    reply.headers["x-observed-at"] = utc_text(at)
    return reply


def starriest(reader: Reader, camera: str) -> tuple[str, datetime, float] | None:
    """(path, time, faintest magnitude) of the starriest of the newest kept pictures that show stars.

    A month before the newest picture the search ends: where no stars show it would go through the whole record.
    """
    rows = reader.query(
        f"""SELECT path, observed_at, star_limit FROM (
            SELECT p.path, o.observed_at, o.star_limit FROM pictures p CROSS JOIN observations o
            USING (camera, observed_at) WHERE p.camera = ?1 AND p.observed_at >= (
                SELECT strftime('%Y-%m-%dT%H:%M:%SZ', max(observed_at), '-{DAYS} days')
                FROM pictures WHERE camera = ?1)
            AND o.star_limit IS NOT NULL ORDER BY p.observed_at DESC LIMIT {NEWEST}
        ) ORDER BY star_limit DESC, observed_at DESC LIMIT 1""",
        [camera],
    )
    return (rows[0]["path"], from_utc_text(rows[0]["observed_at"]), rows[0]["star_limit"]) if rows else None


def _drawn(data: bytes, at: datetime, limit: float, view: View, turned: Orientation) -> bytes:
    pixels = decoded(data)
    disc = whole_picture(pixels)
    field = Observatory(view.latitude_deg, view.longitude_deg).stars(at)
    stars, seen = on_points(
        find_points(pixels, disc, MOST_POINTS), field.brighter(limit - 0.5, RINGS_DEG[0]), turned
    )
    matched, missed = stars.chosen(seen), stars.chosen(~seen)
    drawn = star_chart(
        pixels,
        disc,
        turned,
        (matched.azimuth_deg, matched.elevation_deg),
        (missed.azimuth_deg, missed.elevation_deg),
    )
    return image.encode_jpeg(drawn)
