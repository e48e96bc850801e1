"""NASA's OMNI files: the solar wind of past years, already shifted to the bow shock.

``omni_min2024.asc`` (a minute a line, 46 columns) and ``omni_5min2024.asc`` (49 columns), as the Space Physics Data
Facility publishes them; doi:10.48322/45bb-8792 and doi:10.48322/gbpg-5r77.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.errors import UsageError
from daemon.spaceweather.coupling import Values

COLUMNS = {"by_nt": 17, "bz_nt": 18, "bt_nt": 13, "speed_km_s": 21, "density_cm3": 25}
"""Column of each value, from 0; the field is GSM."""

MOST = {"by_nt": 9000.0, "bz_nt": 9000.0, "bt_nt": 9000.0, "speed_km_s": 90_000.0, "density_cm3": 900.0}
"""From here on a value is the file's fill, nines in the column's width."""

WIDTHS = (46, 49)


@dataclass(frozen=True, eq=False)
class WindSeries:
    """Solar wind by time: ``at_s`` seconds since 1970 (n,), values (n,) with NaN where there is none.

    ``at_bow_shock`` is true where the times are those at the bow shock, false where they are those at L1.
    """

    at_s: Values
    by_nt: Values
    bz_nt: Values
    bt_nt: Values
    speed_km_s: Values
    density_cm3: Values
    at_bow_shock: bool


def read_omni(paths: Sequence[Path]) -> WindSeries:
    """The files' solar wind in order of time. Raises UsageError for what is no such file."""
    tables = [_table(path) for path in paths]
    whole = np.concatenate(tables)
    whole = whole[np.argsort(_seconds(whole), kind="stable")]
    values = {
        name: np.where(np.abs(whole[:, 4 + i]) < MOST[name], whole[:, 4 + i], np.nan)
        for i, name in enumerate(COLUMNS)
    }
    return WindSeries(at_s=_seconds(whole), at_bow_shock=True, **values)


def _table(path: Path) -> Values:
    """Year, day, hour, minute and the columns of COLUMNS, (n, 9)."""
    try:
        with path.open(encoding="ascii") as lines:
            width = len(lines.readline().split())
        if width not in WIDTHS:
            raise UsageError(f"{path}: {width} columns; an OMNI file of minutes has 46, of 5 minutes 49")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table: Values = np.loadtxt(path, usecols=(0, 1, 2, 3, *COLUMNS.values()), ndmin=2)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, UnicodeDecodeError, UserWarning) as error:
        raise UsageError(f"{path}: is no OMNI file of minutes (omni_min2024.asc); check it") from error
    return table


def _seconds(table: Values) -> Values:
    years = (table[:, 0].astype(int) - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    seconds: Values = (years + table[:, 1] - 1) * 86400.0 + table[:, 2] * 3600 + table[:, 3] * 60
    return seconds
