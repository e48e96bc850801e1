"""What a frame is said to show, held against skies whose light is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from daemon import description, sighting
from daemon.description import Described, Moment, describe
from daemon.description.brightness import light
from daemon.description.place import brightest, extent, without_specks
from daemon.description.sky_grid import sky_grid
from daemon.observation import Orientation
from tests.daemon.description.truth import AT, NORTH_UP, Sky, of_scene, sky
from training.simulator.night import Night
from training.simulator.scene_types import Form, NightSky

ARC = Form(
    kind="arc",
    brightness=0.12,
    north_km=330,
    width_km=14,
    fold_km=2,
    patch=0.1,
    rays=0.0,
    threads=0.0,
    seed=3,
)
OVERHEAD = replace(ARC, north_km=0.0, brightness=0.2, width_km=25)
CURLED = replace(
    ARC,
    kind="band",
    north_km=30,
    fold_km=110,
    fold_scale_km=160,
    curls=4,
    brightness=0.12,
    width_km=8,
    trail=1.0,
)
VEIL = Form(kind="veil", brightness=0.02, north_km=150, width_km=20, patch=0.9, fold_km=30, seed=5)
SKIES = {"arc": (ARC,), "overhead": (OVERHEAD,), "curled": (CURLED,), "veil": (VEIL,)}


@cache
def made(name: str) -> Sky:
    return sky(*SKIES[name])


def shown(name: str, orientation: Orientation | None = NORTH_UP) -> Described:
    return describe(AT, made(name).square, made(name).prediction(), orientation)


@pytest.mark.parametrize("name", SKIES)
def test_the_brightest_part_is_where_the_light_is(name: str) -> None:
    """The direction is within 10° of the brightest light that the simulator put there."""
    grid, found = sky_grid(NORTH_UP), shown(name)
    azimuth, elevation = np.radians(brightest(without_specks(made(name).mask), made(name).added, grid))
    truly = [np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth), np.sin(elevation)]
    assert found.azimuth_deg is not None
    assert found.elevation_deg is not None
    azimuth, elevation = np.radians([found.azimuth_deg, found.elevation_deg])
    here = [np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth), np.sin(elevation)]
    assert np.degrees(np.arccos(np.clip(np.dot(truly, here), -1, 1))) <= 10


@pytest.mark.parametrize("name", SKIES)
def test_brightness_is_what_the_aurora_added(name: str) -> None:
    """Over the background, not over black: within a quarter of the light that was put there."""
    mask = without_specks(made(name).mask)
    lit = np.sort(np.maximum(made(name).added[mask], 0.0))
    truly = lit[-max(1, round(0.1 * len(lit))) :].mean()
    assert shown(name).description.brightness == pytest.approx(truly, rel=0.25)


def test_moonlight_is_no_brightness() -> None:
    """The same arc under a full moon: the sky is far brighter, the aurora is not."""
    moon = NightSky(moon_altitude_deg=30, moon_azimuth_deg=200, moon_phase_deg=170, seed=1, milky_way=0.2)
    moonlit = sky(replace(ARC, brightness=0.3), night_sky=moon)
    found = light(moonlit.square, without_specks(moonlit.mask), sky_grid(NORTH_UP))
    grey = float(moonlit.square[moonlit.square.shape[0] // 2 :].mean())
    lit = np.sort(moonlit.added[moonlit.mask])[-10:].mean()
    assert grey > 25
    assert found.brightness == pytest.approx(lit, rel=0.4)


def test_an_arc_in_the_north_lies_low_in_the_north() -> None:
    """Azimuths about north, edges that hold the brightest part, a distance about that of its footprint."""
    found = shown("arc")
    d = found.description
    assert d.overhead is False
    assert d.lower_edge_deg is not None
    assert d.upper_edge_deg is not None
    assert d.azimuth_from_deg is not None
    assert d.azimuth_from_deg >= 250
    assert d.azimuth_to_deg is not None
    assert d.azimuth_to_deg <= 110
    assert d.lower_edge_deg <= (found.elevation_deg or 0) <= d.upper_edge_deg < 60
    assert d.distance_km is not None
    assert 200 <= d.distance_km <= 900
    assert d.poleward_deg is not None
    assert d.poleward_deg > 40


def test_aurora_at_the_zenith_is_overhead() -> None:
    """Its upper edge is the zenith, and its middle is neither poleward nor equatorward of it."""
    d = shown("overhead").description
    assert d.overhead is True
    assert d.upper_edge_deg == 90
    assert d.poleward_deg is not None
    assert abs(d.poleward_deg) < 25


def test_cover_is_of_the_sky_and_not_of_the_picture() -> None:
    """A mask of the whole disc covers all, its inner half (60° high) covers half of the sky: solid angle counts."""
    grid = sky_grid(NORTH_UP)
    assert grid.share(grid.sky) == 1.0
    assert grid.share(grid.elevation_deg >= 30) == pytest.approx(0.5, abs=0.02)
    assert grid.solid_angle.sum() == pytest.approx(2 * np.pi, rel=0.01)


def test_an_arc_is_an_arc_and_a_tangle_is_none() -> None:
    """Arciness and curvature tell a quiet arc from folded bands and a veil."""
    arc, tangle = shown("arc").description, shown("curled").description
    assert arc.arciness is not None
    assert tangle.arciness is not None
    assert arc.curvature is not None
    assert tangle.curvature is not None
    assert arc.arciness > 0.6 > tangle.arciness
    assert arc.curvature < tangle.curvature


def test_colours_are_the_light_s_own() -> None:
    """A green arc is green; with strong red tops red has a share."""
    green = sky(ARC, red=0.0, fringe=0.0)
    tall = sky(replace(OVERHEAD, brightness=0.1, width_km=8), red=12.0, fringe=0.0)
    only = describe(AT, green.square, green.prediction(), NORTH_UP).description
    both = describe(AT, tall.square, tall.prediction(), NORTH_UP).description
    assert only.green_share is not None
    assert only.green_share > 0.85
    assert both.red_share is not None
    assert both.red_share + (both.pink_share or 0) > 0.1


def test_without_orientation_there_is_no_direction() -> None:
    """Nothing that needs north is written; cover, light and shape stay."""
    found = shown("arc", None)
    d = found.description
    named = [
        d.azimuth_from_deg,
        d.azimuth_to_deg,
        d.lower_edge_deg,
        d.overhead,
        d.distance_km,
        d.poleward_deg,
    ]
    assert [found.azimuth_deg, found.elevation_deg, *named] == [None] * 8
    assert d.cover == shown("arc").description.cover
    assert d.brightness is not None


def test_a_model_without_a_mask_gives_a_direction_and_a_level_only() -> None:
    """The map's direction and the level by colour; cover, edges, forms and shape are null."""
    seen = made("curled")
    found = describe(AT, seen.square, seen.prediction(mask=None), NORTH_UP)
    d = found.description
    assert found.azimuth_deg is not None
    assert d.level >= 4
    assert d.brightness is not None
    assert [d.cover, d.mask, d.forms, d.lower_edge_deg, d.overhead, d.arciness] == [None] * 6


def test_a_mask_without_a_cell_is_no_place() -> None:
    """Aurora that the mask does not find: level 1, and the map's direction."""
    seen = made("veil")
    found = describe(AT, seen.square, seen.prediction(mask=np.zeros((60, 60), np.bool_)), NORTH_UP)
    assert (found.description.level, found.description.cover, found.description.brightness) == (1, None, None)
    assert found.azimuth_deg is not None


def test_a_clear_sky_has_level_0_and_cover_0_and_a_hidden_one_nothing() -> None:
    """Null is "not established", never "none"."""
    seen = made("arc")
    clear = description.no_aurora(AT)
    assert (clear.description.level, clear.description.cover, clear.azimuth_deg) == (0, 0.0, None)
    camera = type("C", (), {"orientation": NORTH_UP, "latitude_deg": 62.0})()
    assert description.of_verdict("obscured", AT, seen.square, seen.prediction(), camera) is None  # type: ignore[arg-type]


def test_breakup_after_a_quiet_arc_is_level_6() -> None:
    """The same bright sky is at most 5 where it was as bright before, and 6 where it was an arc."""
    quiet = [Moment(AT - timedelta(minutes=n), 1.5, 0.06) for n in range(10, 0, -1)]
    active = [Moment(AT - timedelta(minutes=n), 18.0, 0.3) for n in range(10, 0, -1)]
    seen = made("curled")
    after_quiet = describe(AT, seen.square, seen.prediction(), NORTH_UP, quiet).description
    after_active = describe(AT, seen.square, seen.prediction(), NORTH_UP, active).description
    unknown = describe(AT, seen.square, seen.prediction(), NORTH_UP).description
    assert (after_quiet.level, after_active.level, unknown.level) == (6, 5, 5)
    assert (after_quiet.trend, after_active.trend, unknown.trend) == ("brightening", "steady", None)
    assert after_quiet.spread == "expanding"


def test_a_lens_that_shifts_the_zenith_shifts_what_is_overhead() -> None:
    """Directions go through the solved lens: turned by 90°, the northern arc lies in the west or the east."""
    turned = describe(AT, made("arc").square, made("arc").prediction(), Orientation(north_deg=90.0))
    straight = shown("arc")
    assert turned.azimuth_deg is not None
    assert straight.azimuth_deg is not None
    assert abs((turned.azimuth_deg - straight.azimuth_deg + 180) % 360 - 180) == pytest.approx(90, abs=2)


def test_the_demo_s_breakup_reads_as_breakup() -> None:
    """Before it an arc of level 3 or 4; within two minutes of it level 6, all around; the brightest is in it."""
    night = Night(1, date(2024, 2, 10), events=1, weather="clear")
    past: tuple[Moment, ...] = ()
    found: dict[int, Described] = {}
    for minute in (38, 41, 44, 47, 49, 51, 53):  # 21:48 in Yellowknife is the breakup
        at = datetime(2024, 2, 10, 4, minute, tzinfo=UTC)
        seen = of_scene(night.scene(at))
        found[minute] = describe(at, seen.square, seen.prediction(), NORTH_UP, past)
        past = description.remember(past, found[minute].moment)
    levels = {minute: one.description.level for minute, one in found.items()}
    assert {levels[minute] for minute in (38, 41, 44, 47)} <= {3, 4}
    assert (levels[49], levels[51]) == (6, 6)
    assert sighting.where(vars(found[49].description)) == "over the whole sky"
    assert found[49].description.trend == "brightening"
    assert found[49].description.spread == "expanding"
    brightest = max(found, key=lambda minute: (levels[minute], found[minute].description.aurora_index or 0.0))
    assert brightest in (49, 51, 53)


def test_a_mask_without_light_points_at_itself() -> None:
    """Where nothing in the mask is brighter than the sky, the direction is the mask's own; it had been a corner's."""
    arc = made("arc")
    grid, mask = sky_grid(NORTH_UP), without_specks(arc.mask)
    for light_there in (np.zeros(mask.shape), np.full(mask.shape, -3.0)):
        found = extent(mask, light_there, grid)
        apart = np.abs((grid.azimuth_deg[mask] - found.azimuth_deg + 180) % 360 - 180)
        assert apart.min() < 10
        assert found.lower_edge_deg - 5 <= found.elevation_deg <= found.upper_edge_deg + 5
        assert found.distance_km is not None


def test_any_mask_and_any_picture_can_be_described() -> None:
    """Random masks over random pictures: a description each time, never a failed look."""
    rng = np.random.default_rng(0)
    for _ in range(80):
        mask = rng.random((60, 60)) < rng.choice([0.002, 0.02, 0.3, 0.9])
        square = rng.integers(0, int(rng.choice([1, 8, 256])), (240, 240, 3), dtype=np.uint8, endpoint=False)
        prediction = replace(made("arc").prediction(), mask=mask)
        found = describe(AT, square, prediction, NORTH_UP)
        assert 0 <= (found.description.level or 0) <= 6
