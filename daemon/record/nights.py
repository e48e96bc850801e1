"""A night's sum, kept current with each of its rows, so that a season is read without reading its minutes.

Part of the store: functions on its open transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlite_utils import Database

from daemon.night import night_of, solar_day
from daemon.observation import JUDGED, Observation, Verdict, from_utc_text, utc_text


class Zone(NamedTuple):
    """What a camera's nights depend on: a :class:`daemon.night.Place`."""

    longitude_deg: float
    timezone: str


COUNTED: tuple[Verdict, ...] = ("aurora", "clear", "obscured", "not looked", "stale")
"""Verdicts that have a column of their own, in its order; all rows are counted in ``observations``."""


def verdict_at(db: Database, key: Sequence[Any]) -> str | None:
    """What the record says of a second; None where it says nothing."""
    sql = "SELECT verdict FROM observations WHERE camera = ? AND observed_at = ?"
    found = db.execute(sql, key).fetchone()
    return None if found is None else str(found[0])


def take_back_stale(db: Database, o: Observation, night: date) -> None:
    """Take the stale row of the same second out of the record and out of its night's sum."""
    db.execute(
        "DELETE FROM observations WHERE camera = ? AND observed_at = ?", [o.camera, utc_text(o.observed_at)]
    )
    db.execute(
        "UPDATE nights SET observations = observations - 1, stale = stale - 1,"
        " moon_quarter = moon_quarter - ?, moon_full = moon_full - ? WHERE camera = ? AND night = ?",
        [*(int(o.sky.moonlight == light) for light in ("quarter", "full")), o.camera, night.isoformat()],
    )


def add(db: Database, o: Observation, night: date) -> None:
    """Add one observation to its night."""
    counts = [int(o.verdict == verdict) for verdict in COUNTED]
    moon = [int(o.sky.moonlight == light) for light in ("quarter", "full")]
    at = utc_text(o.observed_at)
    peak = float(o.prediction.calibrated_probability) if o.prediction and o.verdict in JUDGED else None
    db.execute(
        """INSERT INTO nights VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET
            first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
            observations = observations + 1, aurora = aurora + excluded.aurora,
            clear = clear + excluded.clear, obscured = obscured + excluded.obscured,
            not_looked = not_looked + excluded.not_looked, stale = stale + excluded.stale,
            moon_quarter = moon_quarter + excluded.moon_quarter, moon_full = moon_full + excluded.moon_full,
            peak_at = CASE WHEN excluded.peak_probability > coalesce(peak_probability, -1)
                OR excluded.peak_probability = peak_probability AND excluded.peak_at < peak_at
                THEN excluded.peak_at ELSE peak_at END,
            peak_probability = CASE WHEN excluded.peak_probability > coalesce(peak_probability, -1)
                THEN excluded.peak_probability ELSE peak_probability END""",
        [o.camera, night.isoformat(), at, at, *counts, *moon, peak, None if peak is None else at],
    )


def divide_anew(db: Database, camera: str, place: Zone) -> bool:
    """Sum up a camera's nights anew where they are others at ``place``; False where they are the same.

    Else the rows of before and after a correction would lie in nights that overlap, and be counted in both.
    """
    sql = "SELECT night, first_at, last_at FROM nights WHERE camera = ?"
    if all(
        night_of(from_utc_text(at), place).isoformat() == night
        for night, *span in db.execute(sql, [camera]).fetchall()
        for at in span
    ):
        return False
    counted = ", ".join(f"sum(verdict = '{verdict}')" for verdict in COUNTED)
    moon = ", ".join(f"sum(moonlight = '{light}')" for light in ("quarter", "full"))
    judged = f"CASE WHEN verdict IN {JUDGED} THEN calibrated_probability END"

    def day(at_s: int) -> float:
        return float(solar_day(at_s, place.longitude_deg))

    db.register_function(day, name="solar_day", deterministic=True)
    found = db.execute(
        f"""SELECT min(observed_at), max(observed_at), count(*), {counted}, {moon}, max({judged}) FROM observations
            WHERE camera = ? GROUP BY solar_day(unixepoch(observed_at))""",
        [camera],
    ).fetchall()
    db.execute("DELETE FROM nights WHERE camera = ?", [camera])
    for first, last, *sums, peak in found:
        (peak_at,) = db.execute(
            f"""SELECT min(observed_at) FROM observations
                WHERE camera = ? AND observed_at BETWEEN ? AND ? AND {judged} = ?""",
            [camera, first, last, peak],
        ).fetchone()
        row = [camera, night_of(from_utc_text(first), place).isoformat(), first, last, *sums, peak, peak_at]
        db.execute(f"INSERT INTO nights VALUES ({', '.join('?' * len(row))})", row)
    return True
