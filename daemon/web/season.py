"""The season: nights as cells, aurora's share of the time the sky could be seen, moon and cloud."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import cos, radians
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon import words
from daemon.observation import SkyState
from daemon.record.rows import NightRow
from daemon.web import phrases, presenters
from daemon.web.asking import url
from daemon.web.ports import View
from daemon.web.site import FIRST_YEAR, LAST_YEAR, site_of
from daemon.web.tongues import _, ngettext

Row = NightRow
FIRST_MONTH, SOUTH_FIRST_MONTH = 8, 2
"""August, and in the south February: a season holds one winter whole."""
LEVELS = (0.0, 0.02, 0.10, 0.25, 0.50)  # aurora's share above which a cell is of the next level


@dataclass(frozen=True)
class Cell:
    """One night: ``moon`` is the lit part as an SVG path of radius 5, ``cloud`` in percent."""

    day: int
    link: str | None
    level: int
    share: str
    cloud: float
    moon: str | None
    words: str


@dataclass(frozen=True)
class Month:
    """One month's cells; ``offset`` weekdays (from Monday) are left free before the first."""

    name: str
    offset: int
    cells: tuple[Cell, ...]


def season(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    with site.reader() as reader:
        view = site.view(request, reader)
        first = SOUTH_FIRST_MONTH if _is_south(view) else FIRST_MONTH
        year = _year_asked(request, view.night(site.now()), first)
        since, until = date(year, first, 1), date(year + 1, first, 1) - timedelta(days=1)
        nights = reader.nights(view.name, since, until)
        days = _days(nights)
        sky = {view.night(state.at): state for state in site.midnights(view, days)}
        context = {
            "camera": view,
            "season": {
                "name": f"{year}–{(year + 1) % 100:02d}",
                "before": _link(view, year - 1),
                "after": _link(view, year + 1) if until < view.night(site.now()) else None,
                "sums": _sums(nights),
                "months": _months(view, nights, days, sky),
            },
        }
        return site.page(request, reader, "season.html", context, here="/season")


def _is_south(view: View) -> bool:
    return view.placed and view.latitude_deg < 0


def _year_asked(request: Request, today: date, first_month: int) -> int:
    asked = request.query_params.get("season")
    if not asked:
        return today.year if today.month >= first_month else today.year - 1
    if not re.fullmatch(r"\d{4}", asked) or not FIRST_YEAR <= int(asked) < LAST_YEAR:
        raise HTTPException(404, "a season is the year it begins in: 2024")
    return int(asked)


def _link(view: View, year: int) -> str:
    return url(f"/season?{urlencode({'camera': view.name, 'season': year})}")


def _days(nights: Sequence[Row]) -> list[date]:
    """Every day of the months between the first and the last night on record."""
    if not nights:
        return []
    first = date.fromisoformat(nights[0]["night"]).replace(day=1)
    last = date.fromisoformat(nights[-1]["night"])
    last = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _months(
    view: View, nights: Sequence[Row], days: Sequence[date], sky: Mapping[date, SkyState]
) -> list[Month]:
    by_day = {date.fromisoformat(row["night"]): row for row in nights}
    query, before = urlencode({"camera": view.name}), url("/night/")  # once, not once a night
    months: list[Month] = []
    for first in [day for day in days if day.day == 1]:
        of_month = [day for day in days if (day.year, day.month) == (first.year, first.month)]
        cells = tuple(
            _cell(before, query, day, by_day.get(day), _moon(sky, day), south=_is_south(view))
            for day in of_month
        )
        months.append(Month(phrases.month(first), first.weekday(), cells))
    return months


def _moon(sky: Mapping[date, SkyState], day: date) -> tuple[float, bool] | None:
    """The folded phase at a night's middle, and whether the moon wanes (it was fuller before)."""
    if day not in sky:
        return None
    phase_deg = sky[day].moon_phase_deg
    before = sky.get(day - timedelta(days=1))
    after = sky.get(day + timedelta(days=1))
    if before is not None:
        return phase_deg, before.moon_phase_deg > phase_deg
    return phase_deg, after is not None and after.moon_phase_deg < phase_deg


def _cell(
    before: str, query: str, day: date, row: Row | None, phase: tuple[float, bool] | None, *, south: bool
) -> Cell:
    moon = moon_path(phase[0], phase[1] is not south) if phase is not None else None
    if row is None:
        return Cell(day.day, None, 0, "", 0, moon, "")
    share, looked = row["aurora_share"], row["looked"]
    cloud = round(100 * row["obscured"] / looked, 1) if looked else 0.0
    parts = [phrases.night(day)]
    if not looked:
        parts.append(phrases.not_judged(row))
    else:
        seen = _("aurora %(percent)s of the time the sky was visible", percent=words.percent(share))
        parts.append(_("sky never visible") if share is None else seen)
        parts.append(_("sky hidden %(percent)s", percent=words.percent(cloud / 100)))
    if row["events"]:
        parts.append(ngettext("one aurora event", "%(n)d aurora events", row["events"]))
    if phase is not None:
        parts.append(_("moon %(n)d %% lit", n=words.lit_percent(phase[0])))
    return Cell(
        day=day.day,
        link=f"{before}{day.isoformat()}?{query}",
        level=level_of(share),
        share="–" if share is None else f"{100 * share:.0f}",
        cloud=cloud,
        moon=moon,
        words=", ".join(parts),
    )


def level_of(share: float | None) -> int:
    """0 (none) to 5 (more than half)."""
    return 0 if share is None else sum(share > limit for limit in LEVELS)


def moon_path(phase_deg: float, lit_left: bool = False) -> str:
    """The lit part of a moon of radius 5, by its folded phase (0 new, 180 full).

    A half circle on the right (waxing seen from the north, waning from the south) or left, and the terminator
    as half an ellipse whose half-width is 5·cos φ.
    """
    bulge = 5 * cos(radians(phase_deg))
    outer, inner = (0, int(bulge > 0)) if lit_left else (1, int(bulge <= 0))
    return f"M0 -5A5 5 0 0 {outer} 0 5A{abs(bulge):.2f} 5 0 0 {inner} 0 -5Z"


def _sums(nights: Sequence[Row]) -> list[tuple[str, str]]:
    if not nights:
        return []
    aurora, seen, looked = (sum(row[key] for row in nights) for key in ("aurora", "observable", "looked"))
    with_aurora = sum(bool(row["events"]) for row in nights)
    sums = [(_("Nights"), str(len(nights))), (_("With aurora"), str(with_aurora))]
    if seen:
        sums.append((_("Aurora"), presenters.of_the_visible(aurora / seen)))
    if looked:
        hidden = words.percent((looked - seen) / looked)
        sums.append((_("Sky hidden"), _("%(percent)s of the time watched", percent=hidden)))
    return sums
