"""Which forms of aurora a scene shows, in the words of ``models.labels.FORMS``: the truth for the form head.

What counts is what a person could see in the picture, not how the scene was made. A form is there where its light
alone is plain, by the simulator's criterion, and a fair part of what all forms do together; between plain and not
at all it is not judged, nor where over-exposure or cloud hides what it is told by. Arcs and bands are told apart by
how far their line strays from a smooth arc as it is seen, rays by the fine structure that a pixel still shows, the
corona by rays that stand around the magnetic zenith.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from models.labels import FORMS, FormName
from training.simulator.apparent import rayedness, threadedness, throw_deg
from training.simulator.lens import grid, toward
from training.simulator.noise import Plane
from training.simulator.render import CONTRAST, Alone
from training.simulator.scene_types import Form, Scene

Judged = npt.NDArray[np.int8]

UNJUDGED: Final = -1
QUIET_DEG, THROWN_DEG = 3.0, 5.5
"""Up to the first an arc is an arc, from the second on it is a band; between them it is both in people's words."""
PLAIN_RAYS, NO_RAYS = 0.5, 0.25
LIKE_RAYS: Final = 0.65
"""Threads so plain look like rays at a glance: where they are shown, rays are not denied."""
FAIR, SMALL = 0.3, 0.1
"""Parts of the whole contrast from which a form counts, and up to which it does not."""
CLEAR, CLEAR_RAYS = 0.3, 0.5
"""Share of a form's light that must be seen clearly (``Alone.clearness``) for the form, and for its rays, to be told."""

CORONA_DEG: Final = 14.0
"""Distance from the magnetic zenith within which rays meet to a corona."""
RING_DEG = (5.0, 28.0)
SECTORS: Final = 8
AROUND, ASIDE = 5, 3
"""A corona has rays in so many sectors of the ring about the magnetic zenith; an arc that passes there in so few."""


class _Sky:
    """A scene's forms by how they look."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.alone = scene, Alone(scene)
        self.forms = scene.aurora.forms
        self.whole = self.alone.contrast(self.forms)

    def curtains(self, told: Callable[[float], bool]) -> list[Form]:
        return [f for f in self.forms if _curtain(f) and told(throw_deg(f))]

    def judged(self, forms: Sequence[Form], where: Plane | None = None) -> int:
        """Whether so many forms, or their light within ``where``, are shown: 1, 0, or -1 between."""
        if not forms:
            return 0
        reached = self.alone.contrast(forms, where)
        if reached >= max(1.5 * CONTRAST, FAIR * self.whole):
            return 1
        return 0 if reached < max(CONTRAST / 2, SMALL * self.whole) else UNJUDGED

    def nearly_rayed(self) -> list[Form]:
        """Half-way rays, and threads that look like them."""
        return [
            f
            for f in self.forms
            if NO_RAYS <= rayedness(f) < PLAIN_RAYS
            or (_curtain(f) and rayedness(f) < PLAIN_RAYS and threadedness(f) >= LIKE_RAYS)
        ]

    def told(
        self,
        forms: Sequence[Form],
        halfway: Sequence[Form] = (),
        clear: float = CLEAR,
        where: Plane | None = None,
    ) -> int:
        """The same; not judged where half-way forms are shown instead, or where these are not seen clearly."""
        found = self.judged(forms, where)
        if found == 1 and self.alone.clearness(forms) < clear:
            return UNJUDGED
        return UNJUDGED if found == 0 and self.judged(halfway, where) != 0 else found


def shown_forms(scene: Scene) -> Judged:
    """(6,) in the order of ``FORMS``: 1 shown, 0 not, -1 not judged. All 0 in a scene whose aurora is hidden."""
    sky = _Sky(scene)
    if sky.whole < CONTRAST:
        return np.zeros(len(FORMS), np.int8)
    between = sky.curtains(lambda deg: QUIET_DEG < deg < THROWN_DEG)
    rayed, halfway = [f for f in sky.forms if rayedness(f) >= PLAIN_RAYS], sky.nearly_rayed()
    found: dict[FormName, int] = {
        "arc": sky.told(sky.curtains(lambda deg: deg <= QUIET_DEG), between),
        "band": sky.told(sky.curtains(lambda deg: deg >= THROWN_DEG), between),
        "rays": sky.told(rayed, halfway, CLEAR_RAYS),
        "patches": sky.told([f for f in sky.forms if f.kind == "patches"]),
        "diffuse": sky.told([f for f in sky.forms if f.kind == "veil"]),
        "corona": _corona(sky, [f for f in rayed if _curtain(f)], [f for f in halfway if _curtain(f)]),
    }
    return np.array([found[name] for name in FORMS], np.int8)


def _corona(sky: _Sky, rayed: Sequence[Form], halfway: Sequence[Form]) -> int:
    from_zenith, _ = _about_magnetic_zenith(sky)
    near = np.asarray(from_zenith < CORONA_DEG, np.float32)
    found = sky.told(rayed, halfway, clear=0, where=near)
    if found != 1:
        return found
    lit = _lit_sectors(sky, rayed)
    if lit < AROUND:
        return 0 if lit <= ASIDE else UNJUDGED
    return sky.told(rayed, clear=CLEAR_RAYS, where=near)


def _lit_sectors(sky: _Sky, forms: Sequence[Form]) -> int:
    """In how many sectors of the ring about the magnetic zenith a quarter or more is plainly lit."""
    contrast = sky.alone.seen(forms)[1]
    from_zenith, around = _about_magnetic_zenith(sky)
    plain = contrast >= max(1.2 * CONTRAST, 0.2 * sky.whole)
    ring = (from_zenith > RING_DEG[0]) & (from_zenith < RING_DEG[1]) & sky.alone.sky & sky.alone.inside
    sectors = [ring & (around == sector) for sector in range(SECTORS)]
    return sum(bool(sector.any()) and float(plain[sector].mean()) > 0.25 for sector in sectors)


def _about_magnetic_zenith(sky: _Sky) -> tuple[Plane, npt.NDArray[np.int64]]:
    """Of every pixel: degrees from where the field lines go, and the sector about it."""
    scene, g = sky.scene, grid(sky.scene.lens, sky.alone.side)
    zenith = np.array(toward(scene.lens, 180.0 + scene.aurora.declination_deg, 90.0 - scene.aurora.tilt_deg))
    first = np.cross(zenith, [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    views = np.stack([g.vx, g.vy, g.vz], axis=-1)
    apart = np.degrees(np.arccos(np.clip(views @ zenith, -1, 1)))
    angle = np.arctan2(views @ np.cross(zenith, first), views @ first)
    return apart, np.floor((angle / (2 * np.pi) + 0.5) * SECTORS).astype(np.int64) % SECTORS


def _curtain(form: Form) -> bool:
    return form.kind not in ("patches", "veil")
