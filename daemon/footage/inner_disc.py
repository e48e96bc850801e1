"""Another disc than ours within the cut one. A measure as in :mod:`daemon.footage.measures`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.footage.measures import View


def arc(view: View) -> tuple[float, float, float]:
    """The edge of another disc within ours: (distance of its centre, its radius, share of the edge on it).

    In units of our radius; all 0 where nothing lit ends in the void inside the disc. Only what no light
    has reached counts as void: the darkest sky is brighter than the inside of a camera.
    """
    thin = max(1, view.side // 110)
    high, inside = view.high[::thin, ::thin], view.radius[::thin, ::thin] < 0.9
    void = high <= 4
    if not 0.15 < (void & inside).sum() / inside.sum() < 0.97:
        return 0.0, 0.0, 0.0
    lit = high > max(8, float(np.percentile(high[inside & ~void], 90)) * 0.15)
    edge = np.zeros_like(void)
    for shift in (2, -2):
        for axis in (0, 1):
            edge |= void & np.roll(lit, shift, axis=axis)
    y, x = np.nonzero(edge & inside)
    if len(x) < len(high) // 3:
        return 0.0, 0.0, 0.0
    half = len(high) / 2
    return _best_circle(x.astype(np.float64) / half - 1, y.astype(np.float64) / half - 1)


def _best_circle(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Of circles through three points each, the one that most points lie on: (centre's distance, radius, share)."""
    draw = np.random.default_rng(0).integers(0, len(x), (200, 3))
    (x0, x1, x2), (y0, y1, y2) = x[draw].T, y[draw].T
    a, b, c, d = x1 - x0, y1 - y0, x2 - x0, y2 - y0
    e, f = (a * (x0 + x1) + b * (y0 + y1)) / 2, (c * (x0 + x2) + d * (y0 + y2)) / 2
    across = a * d - b * c
    across[across == 0] = np.inf  # three points in a line: no circle, and its centre falls on ours
    cx, cy = (d * e - b * f) / across, (a * f - c * e) / across
    size = np.hypot(x0 - cx, y0 - cy)
    on = np.abs(np.hypot(x[None] - cx[:, None], y[None] - cy[:, None]) - size[:, None]) < 0.035
    share = np.where((size > 0.3) & (size < 2.0) & np.isfinite(across), on.mean(axis=1), 0)
    best = int(np.argmax(share))
    return float(np.hypot(cx[best], cy[best])), float(size[best]), float(share[best])
