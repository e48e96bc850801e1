"""The last minutes of a camera: what the frames after them are compared with (:mod:`daemon.description`), and counts."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from daemon.observation import utc_text
from daemon.record.reader import Reader
from daemon.record.rows import MomentRow


def described(reader: Reader, camera: str, since: datetime, until: datetime) -> list[MomentRow]:
    """The frames between the two instants whose sky was seen, oldest first."""
    rows = reader.query(
        """SELECT observed_at, aurora_index, cover, poleward_deg, trend, drift, spread FROM observations
           WHERE camera = ? AND observed_at BETWEEN ? AND ? AND level IS NOT NULL ORDER BY observed_at""",
        [camera, utc_text(since), utc_text(until)],
    )
    return cast(list[MomentRow], rows)


def verdicts(reader: Reader, camera: str, since: datetime, until: datetime) -> dict[str, int]:
    """How many observations of each verdict there are between the two instants."""
    rows = reader.query(
        """SELECT verdict, count(*) AS n FROM observations
           WHERE camera = ? AND observed_at BETWEEN ? AND ? GROUP BY verdict""",
        [camera, utc_text(since), utc_text(until)],
    )
    return {row["verdict"]: row["n"] for row in rows}
