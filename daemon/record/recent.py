"""The last minutes of a camera, as the frames after them are compared with (:mod:`daemon.description`)."""

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
