"""How high AuroraMAX at Yellowknife stands, and where it looked on one night: where the stars begin, not what directions
go by.

Solved with ``aurorad calibrate --any-time`` in November 2026 from frames of one published night of AuroraMAX, by which
the stars stand as they do between mid-September and early October. The year of that night is not known, and the camera
may have been mounted anew since. Its hour is not known either and was taken as the one at which the camera leans neither
east nor west, so that a lean of 1° would put north off by 2°. The watch believes these values only once its own live
frames show their stars where they put them, and then solves the lens anew.
"""

from __future__ import annotations

from daemon.observation import Lens, Orientation

ORIENTATION = Orientation(26.0, True, lens=Lens(1.134, -0.116, 0.0336, -0.0127, 3.3, 0.0))
"""In radii of AuroraMAX's disc, :class:`daemon.config.tables.DiscSettings`' default. Five frames agree within 0.3°."""

SOLVED_ON = "a night between mid-September and early October of an unknown year"

ELEVATION_M = 206.0
"""Metres above the sea: the height that Yellowknife's airport publishes; the town lies within some tens of metres of it."""
