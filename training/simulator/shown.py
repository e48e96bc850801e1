"""Which forms of aurora a scene shows, in the words of ``models.labels.FORMS``: the truth for the form head.

A form is in the sky where its light alone is plain, by the simulator's criterion, and a fair part of what all
forms do together; between plain and not at all it is not judged. Arcs and bands are told apart by how far they
are thrown, rays by the fine structure along a form, the corona by rays that meet at the magnetic zenith.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from models.labels import FORMS
from training.simulator.lens import grid, toward
from training.simulator.noise import Plane
from training.simulator.render import CONTRAST, Alone
from training.simulator.scene_types import Form, Scene

Judged = npt.NDArray[np.int8]

UNJUDGED: Final = -1
QUIET_KM, THROWN_KM = 28.0, 45.0
"""Up to the first an arc is an arc, from the second on it is a band."""
PLAIN_RAYS, NO_RAYS = 0.5, 0.25
CORONA_DEG: Final = 14.0
"""Distance from the magnetic zenith within which rays meet to a corona."""
FAIR, SMALL = 0.3, 0.1
"""Parts of the whole contrast from which a form counts, and up to which it does not."""


def shown_forms(scene: Scene) -> Judged:
    """(6,) in the order of ``FORMS``: 1 shown, 0 not, -1 not judged. All 0 in a scene whose aurora is hidden."""
    alone = Alone(scene)
    whole = alone.contrast(scene.aurora.forms)
    if whole < CONTRAST:
        return np.zeros(len(FORMS), np.int8)
    found = {name: _judged(alone, [f for f in scene.aurora.forms if is_form(f)], whole)
             for name, is_form in KINDS.items()}  # fmt: skip
    # What lies between arc and band is both in people's words: neither is denied.
    between = _judged(
        alone, [f for f in scene.aurora.forms if _curtain(f) and not _arc(f) and not _band(f)], whole
    )
    if between != 0:
        for name in ("arc", "band"):
            found[name] = _or_unjudged(found[name], between)
    rayed = [f for f in scene.aurora.forms if f.rays >= PLAIN_RAYS]
    halfway = [f for f in scene.aurora.forms if NO_RAYS <= f.rays < PLAIN_RAYS]
    found["rays"] = _or_unjudged(_judged(alone, rayed, whole), _judged(alone, halfway, whole))
    near = _near_magnetic_zenith(scene, alone)
    found["corona"] = _or_unjudged(
        _judged(alone, [f for f in rayed if _curtain(f)], whole, near),
        _judged(alone, [f for f in halfway if _curtain(f)], whole, near),
    )
    return np.array([found[name] for name in FORMS], np.int8)


def _judged(alone: Alone, forms: list[Form], whole: float, where: Plane | None = None) -> int:
    if not forms:
        return 0
    reached = alone.contrast(tuple(forms), where)
    if reached >= max(1.5 * CONTRAST, FAIR * whole):
        return 1
    return 0 if reached < max(CONTRAST / 2, SMALL * whole) else UNJUDGED


def _or_unjudged(plain: int, halfway: int) -> int:
    return UNJUDGED if plain == 0 and halfway != 0 else plain


def _curtain(form: Form) -> bool:
    return form.kind not in ("patches", "veil")


def _arc(form: Form) -> bool:
    return _curtain(form) and form.fold_km <= QUIET_KM and form.curls == 0


def _band(form: Form) -> bool:
    return _curtain(form) and (form.fold_km >= THROWN_KM or form.curls > 0)


KINDS: Final[dict[str, Callable[[Form], bool]]] = {
    "arc": _arc,
    "band": _band,
    "patches": lambda form: form.kind == "patches",
    "diffuse": lambda form: form.kind == "veil",
}


def _near_magnetic_zenith(scene: Scene, alone: Alone) -> Plane:
    """1 within ``CORONA_DEG`` of where the field lines go, 0 elsewhere."""
    g = grid(scene.lens, alone.side)
    south, up = 180.0 + scene.aurora.declination_deg, 90.0 - scene.aurora.tilt_deg
    x, y, z = toward(scene.lens, south, up)
    near = g.vx * np.float32(x) + g.vy * np.float32(y) + g.vz * np.float32(z)
    return np.asarray(near > np.cos(np.radians(CORONA_DEG)), np.float32)
