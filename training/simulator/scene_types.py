"""What a scene is made of: frozen values only.

Light is linear and in units of the radiance that just fills the picture at ``gain`` 1. Colours are
(red, green, blue). Directions are degrees, azimuth from geographic north over east; lengths are km.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Colour = tuple[float, float, float]
FormKind = Literal["arc", "band", "breakup", "patches", "veil"]


@dataclass(frozen=True)
class Optics:
    """A lens that is not simply equidistant: ``r = a z + b z³`` from (``centre_x``, ``centre_y``).

    ``r`` in radii of the sky disc, ``z`` the angle from the optical axis over 90°; the axis leans
    ``tilt_deg`` from the zenith toward the geographic azimuth ``tilt_azimuth_deg`` and meets the picture
    at the centre, which is given in radii of the disc from the middle of the picture, right and down.
    """

    a: float = 1.0
    b: float = 0.0
    centre_x: float = 0.0
    centre_y: float = 0.0
    tilt_deg: float = 0.0
    tilt_azimuth_deg: float = 0.0


@dataclass(frozen=True)
class Lens:
    """The optics and what stands around them.

    ``radius`` share of the half side that the sky disc fills; ``horizon`` mean radius (disc edge
    = 1) where the ground begins; ``hills`` its unevenness; ``trees`` and ``notches`` (masts, domes,
    buildings) are counts; ``snowbank`` 0..1 brightness of lit snow below the skyline;
    ``vignette`` share of light lost at the edge; ``meridian`` a painted-out line at the centre.
    ``optics`` in place of an equidistant lens with the zenith in the middle.
    """

    north_deg: float = 0.0
    east_left: bool = True
    radius: float = 1.0
    edge_elevation_deg: float = 0.0
    horizon: float = 0.97
    hills: float = 0.004
    trees: int = 30
    notches: int = 0
    snowbank: float = 0.0
    ground: Colour = (0.001, 0.001, 0.001)
    vignette: float = 0.3
    meridian: bool = False
    seed: int = 0
    optics: Optics | None = None


@dataclass(frozen=True)
class Sensor:
    """From light to 8 bits. ``green red violet`` is how the camera renders the 557.7 nm, 630.0 nm
    and N2 lines; ``noise`` in grey levels of a 240-pixel picture; ``jpeg`` quality or 0 for none;
    ``video`` 0..1 strength of inter-frame codec smoothing; ``blur`` in pixels of a 240-pixel picture.
    """

    name: str = "auroramax"
    gain: float = 1.0
    gamma: float = 2.2
    shoulder: float = 1.0
    saturation: float = 1.0
    balance: Colour = (1.0, 1.0, 1.0)
    green: Colour = (0.45, 1.0, 0.6)
    red: Colour = (1.0, 0.15, 0.2)
    violet: Colour = (0.65, 0.3, 1.0)
    black: Colour = (2.0, 2.0, 2.0)
    noise: float = 1.0
    chroma_noise: float = 0.5
    hot_pixels: int = 0
    blur: float = 0.4
    jpeg: int = 90
    video: float = 0.0


@dataclass(frozen=True)
class NightSky:
    """Everything beyond the clouds except aurora. ``twilight`` scales the sun's scattered light,
    ``airglow`` and ``tint`` the dark sky's own; ``sidereal_deg``, the local mean sidereal time,
    turns the stars of the year ``year``.
    """

    sun_altitude_deg: float = -25.0
    sun_azimuth_deg: float = 0.0
    moon_altitude_deg: float = -30.0
    moon_azimuth_deg: float = 180.0
    moon_phase_deg: float = 0.0
    latitude_deg: float = 62.4
    sidereal_deg: float = 0.0
    year: float = 2024.0
    airglow: float = 0.002
    tint: Colour = (1.0, 1.0, 1.1)
    airglow_ripple: float = 0.2
    stars: float = 1.0
    milky_way: float = 0.5
    flare: float = 0.5
    halo: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Cloud:
    """One layer. ``cover`` 0..1 of the sky; ``depth`` optical depth where thick; ``softness`` of
    the edges; ``scale`` size of the lumps in cloud heights; ``stretch`` > 1 makes streets along
    ``bearing_deg``; ``drift`` (east, north) in cloud heights, which is how clouds move; ``phase``
    changes their shape.
    """

    cover: float = 0.5
    depth: float = 2.0
    softness: float = 0.5
    scale: float = 4.0
    stretch: float = 1.0
    bearing_deg: float = 0.0
    drift: tuple[float, float] = (0.0, 0.0)
    phase: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Town:
    """Artificial light: ``glow`` at the horizon in clear air, ``on_cloud`` on thick cloud, both
    radiances; ``lean`` 0 even .. 1 all on the town's side; ``lamps`` bright points at the skyline.
    """

    azimuth_deg: float = 150.0
    glow: float = 0.0
    on_cloud: float = 0.03
    lean: float = 0.4
    colour: Colour = (1.0, 0.5, 0.2)
    lamps: int = 0


@dataclass(frozen=True)
class Dome:
    """What lies on or before the lens: all 0..1 except ``seed``. ``snow`` share covered by opaque
    snow, ``frost`` strength of the veil, ``fog`` optical depth of the air near the ground,
    ``flash`` radiance of a passing headlight, ``contrail`` radiance of a thin straight cloud,
    ``reflection`` of stray light inside the dome.
    """

    snow: float = 0.0
    frost: float = 0.0
    fog: float = 0.0
    flash: float = 0.0
    flash_azimuth_deg: float = 0.0
    contrail: float = 0.0
    reflection: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Form:
    """One piece of aurora, laid out on the ground below it (magnetic east and north, km).

    ``north_km`` of its centre line at x = 0, ``slope`` and ``bend`` (km at 500 km) its course,
    ``width_km`` of the sharp side and ``trail`` times that on the other; ``fold_km`` how far it is
    thrown about, ``fold_scale_km`` over which length; ``curls`` vortices; ``rays`` 0..1 fine
    structure along it (seen as rays), ``threads`` 0..1 filaments side by side; ``patch`` 0..1 unevenness along it; ``phase`` its age in shapes.
    Forms with one ``fold_seed`` are thrown about together, as neighbouring bands are.
    """

    kind: FormKind = "arc"
    brightness: float = 0.1
    north_km: float = 100.0
    slope: float = 0.0
    bend: float = 0.0
    width_km: float = 12.0
    trail: float = 2.0
    fold_km: float = 10.0
    fold_scale_km: float = 300.0
    curls: int = 0
    rays: float = 0.3
    patch: float = 0.5
    threads: float = 0.3
    east_km: float = 0.0
    length_km: float = 3000.0
    phase: float = 0.0
    seed: int = 0
    fold_seed: int = 0


@dataclass(frozen=True)
class Aurora:
    """All forms at once. ``red`` is the strength of the 630.0 nm tops, ``fringe`` of the pink or
    purple lower edge, ``tall`` the e-folding height above the peak in km.
    """

    forms: tuple[Form, ...] = ()
    red: float = 0.3
    fringe: float = 0.3
    tall: float = 28.0
    tilt_deg: int = 9
    declination_deg: float = 15.0


@dataclass(frozen=True)
class Scene:
    """One exposure, complete: the same scene always gives the same picture."""

    lens: Lens = field(default_factory=Lens)
    sensor: Sensor = field(default_factory=Sensor)
    night_sky: NightSky = field(default_factory=NightSky)
    clouds: tuple[Cloud, ...] = ()
    town: Town = field(default_factory=Town)
    dome: Dome = field(default_factory=Dome)
    aurora: Aurora = field(default_factory=Aurora)
    seed: int = 0
