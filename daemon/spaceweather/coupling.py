"""What couples the solar wind to the aurora. Pure, on arrays; NaN where something was not measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

L1_KM = 1.5e6
"""From L1 to the bow shock, about: an hour at 400 km/s."""


def newell(speed_km_s: Values, by_nt: Values, bz_nt: Values) -> Values:
    """Newell's universal coupling function dΦ/dt = v^(4/3) B_T^(2/3) sin^(8/3)(θ/2), v in km/s, B in nT.

    θ is the clock angle of the field across the Sun–Earth line, B_T its size. Some 4,400 on an average day.
    doi:10.1029/2006JA012015.
    """
    across = np.hypot(by_nt, bz_nt)
    clock = np.arctan2(np.abs(by_nt), bz_nt)
    coupled: Values = speed_km_s ** (4 / 3) * across ** (2 / 3) * np.sin(clock / 2) ** (8 / 3)
    return coupled


def travel_s(speed_km_s: Values) -> Values:
    """Seconds from L1 to the bow shock at the measured speed."""
    return L1_KM / speed_km_s
