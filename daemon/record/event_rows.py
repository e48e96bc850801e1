"""SQL for events as people are shown them: with their label, and with their brightest frame."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from daemon.event import Rules
from daemon.observation import JUDGED
from daemon.record.rows import EventRow

EVENT = """
    SELECT e.*,
        (SELECT label FROM labels l WHERE l.event_id = e.id AND l.undone_at IS NULL
         ORDER BY l.id DESC LIMIT 1) AS label
    FROM events e
"""
"""Events, each with the last answer to "was this right?"."""

_SEEN = str(tuple(sorted(JUDGED)))


def _moved(instant: str, by: timedelta) -> str:
    """An expression of SQL for the instant so much later."""
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {instant}, '{by.total_seconds():+.0f} seconds')"


_WITHOUT_LOOK = f"""
    SELECT o.observed_at FROM observations o
    WHERE o.camera = e.camera AND o.observed_at > {_moved("e.confirmed_at", Rules.patience)}
        AND o.verdict IN {_SEEN} AND NOT EXISTS (
            SELECT 1 FROM observations b WHERE b.camera = o.camera AND b.observed_at < o.observed_at
                AND b.observed_at > {_moved("o.observed_at", -Rules.patience)} AND b.verdict IN {_SEEN})
    ORDER BY o.observed_at LIMIT 1
"""

_NEXT_ONSET = "SELECT min(n.onset_at) FROM events n WHERE n.camera = e.camera AND n.onset_at > e.onset_at"
_FIRST_OF_ANOTHER = f"min(coalesce(({_NEXT_ONSET}), '9999-12-31'), coalesce(({_WITHOUT_LOOK}), '9999-12-31'))"
UNTIL = f"coalesce(e.ended_at, {_moved(_FIRST_OF_ANOTHER, timedelta(seconds=-1))})"
"""Until when a frame can be of the event ``e``: its end. The watch may have been ended for good while one was under way;
then the next event's frames are not this one's, nor those after as long without a look as ends an event."""

_FRAMES = f"""
    FROM observations o WHERE o.camera = e.camera AND o.verdict = 'aurora'
        AND o.observed_at BETWEEN e.onset_at AND {UNTIL}
"""

BEST = """verdict = 'aurora' DESC, verdict = 'clear' DESC,
    CASE verdict WHEN 'aurora' THEN level END DESC, CASE verdict WHEN 'aurora' THEN aurora_index END DESC,
    CASE verdict WHEN 'aurora' THEN colour_level END DESC, CASE verdict WHEN 'aurora' THEN colour_cover END DESC,
    sun_altitude_deg LIMIT 1"""
"""The order in which a night's frames are its best, and the first of them."""


SEEN_BEFORE = timedelta(minutes=15)
"""A sky seen so shortly before an event's first frame vouches for its beginning."""


def seen_before(camera: str, onset_at: str) -> str:
    """When the sky was last seen before an onset, NULL where it was not; of two expressions of SQL.

    Cloud, a pause, and a watch that has just begun all leave it open how long the aurora had been there.
    """
    return f"""(SELECT max(b.observed_at) FROM observations b WHERE b.camera = {camera}
        AND b.observed_at >= {_moved(onset_at, -SEEN_BEFORE)} AND b.observed_at < {onset_at} AND b.verdict IN ('aurora', 'clear'))"""


def shown(chosen: str) -> str:
    """The events of the SELECT ``chosen``, each with its brightest frame, or the surest without one.

    Brightest is by level, then by aurora index; frames from before there were levels are compared by colour.

    ``seen_before_at`` is when the sky was last seen before it; ``last_seen_at`` when aurora was last seen, of an
    event without an end. The frames are looked through for the chosen events alone: the LIMIT keeps SQLite from doing so again for every column.
    """
    return f"""
    SELECT e.*, coalesce(o.level, o.colour_level) AS brightest_level,
        coalesce(o.cover, o.colour_cover) AS brightest_cover, o.forms AS brightest_forms, p.path AS picture,
        {seen_before("e.camera", "e.onset_at")} AS seen_before_at,
        CASE WHEN e.ended_at IS NULL THEN (SELECT max(o.observed_at) {_FRAMES}) END AS last_seen_at
    FROM (
        SELECT e.*, coalesce(
            (SELECT o.observed_at {_FRAMES} AND coalesce(o.level, o.colour_level) IS NOT NULL
             ORDER BY o.level DESC, o.aurora_index DESC, o.colour_level DESC, o.colour_cover DESC, o.observed_at
             LIMIT 1),
            e.peak_at
        ) AS brightest_at FROM ({chosen}) e LIMIT -1
    ) e
    LEFT JOIN observations o ON o.camera = e.camera AND o.observed_at = e.brightest_at
    LEFT JOIN pictures p ON p.camera = e.camera AND p.observed_at = e.brightest_at
    """


LENGTHS = """SELECT unixepoch(ended_at) - unixepoch(onset_at) AS length_s FROM events
    WHERE camera = ? AND ended_at IS NOT NULL AND ended_reason LIKE 'below%' ORDER BY onset_at DESC LIMIT 500"""
"""How long a camera's events lasted, the newest 500 of those whose real end was seen."""

ANSWERS = """SELECT count(*) AS n, sum(label = 'aurora') AS right_n FROM (
    SELECT label, max(id) FROM labels WHERE event_id IS NOT NULL AND undone_at IS NULL AND camera = ?
    GROUP BY event_id) WHERE label IN ('aurora', 'none')"""
"""How many events of a camera people have judged, and how many of them were right."""


def with_right(row: dict[str, Any]) -> EventRow:
    """A row of :data:`EVENT` as the reader gives it: what people answered is ``right``, true or false."""
    right = {"aurora": True, "none": False}.get(row["label"] or "")
    return cast(EventRow, row | {"right": right, "in_cool_down": bool(row["in_cool_down"])})
