"""What is clear, by the stars: sector by sector, and silent where they cannot tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from daemon.observation import FoundLens, Lens, Orientation, Points
from daemon.sky.stars import visibility
from daemon.sky.stars.nearest import Floats, Nearest
from daemon.sky.stars.visibility import (
    SECTORS,
    from_code,
    sector_of,
    share_of,
    shown,
    solid_angles,
    star_cover,
)
from daemon.sky.stars.witness import MISSED, PROVEN, StarWitness
from tests.starry import AT, GAMMA, HERE, TURNED, ZERO, starry_points, starry_sky


def test_a_clear_sky_is_clear_everywhere() -> None:
    """All stars as bright as they must be: every sector nearly 1, limit and zero the camera's."""
    field = HERE.stars(AT)
    points = starry_points(field)
    cover = star_cover(points, field, TURNED, ZERO, gamma=GAMMA)
    assert all(share is None or share > 0.9 for share in cover.sectors)
    assert cover.share is not None
    assert cover.share > 0.95
    shows = shown(points, field, TURNED)
    assert shows is not None
    assert shows.limit == pytest.approx(5.0, abs=0.5)
    assert shows.zero == pytest.approx(ZERO, abs=0.05)
    assert shows.gamma == pytest.approx(GAMMA, abs=0.15)


def test_a_frame_s_points_are_sorted_for_the_search_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stars' own places and those beside them, for chance, are looked up in one tree; not in fifteen."""
    field, made = HERE.stars(AT), []
    points = starry_points(field)

    class Counted(Nearest):
        def __init__(self, x: Floats, y: Floats) -> None:
            made.append(len(x))
            super().__init__(x, y)

    monkeypatch.setattr(visibility, "Nearest", Counted)
    assert shown(points, field, TURNED) is not None
    assert len(made) == 1
    assert star_cover(points, field, TURNED, ZERO, gamma=GAMMA).share is not None
    assert len(made) == 2


@pytest.mark.parametrize("dimmed", [0.5, 1.0, 2.0])
def test_thin_cloud_dims_the_stars_and_is_measured(dimmed: float) -> None:
    """Every star is fainter by as much: that share of the light comes through, though most stars are still there."""
    field = HERE.stars(AT)
    cover = star_cover(starry_points(field, dimmed=dimmed), field, TURNED, ZERO, gamma=GAMMA)
    assert cover.share == pytest.approx(10 ** (-0.4 * dimmed), abs=0.1)


def test_a_bright_sky_hides_stars_and_is_no_cloud() -> None:
    """Bright aurora behind the stars: those that still stand out have all their light, the others say nothing."""
    field = HERE.stars(AT)
    before_dark = star_cover(starry_points(field), field, TURNED, ZERO, gamma=GAMMA)
    before_bright = star_cover(starry_points(field, level=90.0), field, TURNED, ZERO, gamma=GAMMA)
    assert before_bright.expected < before_dark.expected / 2
    known = [share for share in before_bright.sectors if share is not None]
    assert len(known) >= 8
    assert min(known) > 0.85


@pytest.mark.parametrize("level", [8.0, 60.0])
def test_the_curve_of_the_camera_is_read_from_its_stars(level: float) -> None:
    """Bright and faint stars of one frame agree under the camera's own power alone; its zero then holds on any sky."""
    field = HERE.stars(AT)
    shows = shown(starry_points(field, level=level), field, TURNED, gamma=GAMMA)
    assert shows is not None
    assert shows.gamma == pytest.approx(GAMMA, abs=0.15)
    assert shows.zero == pytest.approx(ZERO, abs=0.05)


def test_cloud_in_the_west_is_seen_in_the_west() -> None:
    """The western half empty: its sectors near 0, the eastern ones near 1."""
    field = HERE.stars(AT)
    east = field.chosen(field.azimuth_deg < 180)
    cover = star_cover(starry_points(east), field, TURNED, ZERO, gamma=GAMMA)
    for sector, share in enumerate(cover.sectors):
        azimuth = sector % 8 * 45
        if share is None or azimuth in (0, 180):
            continue
        assert share > 0.8 if azimuth < 180 else share < 0.25, (sector, share)


def test_points_by_chance_are_no_stars() -> None:
    """Six hundred random points and no star: the sky is not taken for clear."""
    field = HERE.stars(AT)
    nothing = field.chosen(np.zeros(len(field), np.bool_))
    cover = star_cover(starry_points(nothing, noise=600), field, TURNED, ZERO, gamma=GAMMA)
    assert cover.share is not None
    assert cover.share < 0.06
    assert cover.chance > 0.002
    assert shown(starry_points(nothing, noise=600), field, TURNED) is None


def test_where_few_stars_are_expected_nothing_is_known() -> None:
    """A camera that shows stars to magnitude 0 alone: most sectors are not known, and neither is the sky."""
    cover = star_cover(starry_points(HERE.stars(AT)), HERE.stars(AT), TURNED, ZERO - 5.0, gamma=GAMMA)
    assert sum(share is None for share in cover.sectors) > 18
    assert cover.share is None


def test_the_code_keeps_the_sectors() -> None:
    """24 characters out, the same tenths back; anything else is refused."""
    field = HERE.stars(AT)
    cover = star_cover(starry_points(field.chosen(field.azimuth_deg < 200)), field, TURNED, ZERO, gamma=GAMMA)
    code = cover.code()
    assert len(code) == SECTORS
    for share, kept in zip(cover.sectors, from_code(code), strict=True):
        assert (share is None) == (kept is None)
        assert share is None or kept is None or abs(share - kept) <= 0.1
    assert share_of(code) == pytest.approx(cover.share, abs=0.06)
    with pytest.raises(ValueError, match="no code"):
        from_code("123")


def test_sectors_tile_thestarry_sky() -> None:
    """Every direction above 15° has a sector; their solid angles make the whole."""
    azimuth, elevation = (p.ravel() for p in np.meshgrid(np.arange(0, 360, 5.0), np.arange(15, 90.1, 5)))
    assert set(sector_of(azimuth, elevation)) == set(range(SECTORS))
    assert sector_of(np.array([359.0, 10.0]), np.array([16.0, 16.0])).tolist() == [0, 0]
    assert sector_of(np.array([0.0]), np.array([10.0])).tolist() == [-1]
    assert solid_angles().sum() == pytest.approx(1.0)


# ── the witness ─────────────────────────────────────────────────────────────────────────────────


EMPTY = Points(np.zeros(0), np.zeros(0), np.zeros(0))


def test_a_lens_is_trusted_when_it_has_proven_right() -> None:
    """Silent at first; after five frames with stars where they must be, an overcast sky is called so."""
    witness, clear = StarWitness(HERE, TURNED), starry_points(HERE.stars(AT))
    assert witness.look(EMPTY, starry_sky()).cover is None
    for _ in range(PROVEN):
        assert witness.look(clear, starry_sky()).cover is None
    cover = witness.look(clear, starry_sky()).cover
    assert cover is not None
    assert cover.share is not None
    assert cover.share > 0.9
    cloudy = witness.look(EMPTY, starry_sky()).cover
    assert cloudy is not None
    assert cloudy.share == pytest.approx(0.0, abs=0.05)


def test_each_kind_of_night_is_learned_for_itself() -> None:
    """A restart knows what dark nights showed; under a full moon the camera may expose otherwise, so it is silent."""
    witness = StarWitness(HERE, TURNED, [("night", "none", ZERO, GAMMA)] * PROVEN)
    moonlit = replace(starry_sky(), moon_altitude_deg=30.0, moon_phase_deg=170.0, moonlight="full")
    assert witness.look(EMPTY, starry_sky()).cover is not None
    assert witness.look(EMPTY, moonlit).cover is None
    too_few = StarWitness(HERE, TURNED, [("night", "none", ZERO, GAMMA)] * (PROVEN - 1))
    assert too_few.look(EMPTY, starry_sky()).cover is None


def _watched(witness: StarWitness, turned: Orientation, minutes: range, late: float = 0.0) -> None:
    """A frame a minute of a camera turned so, whose clock is behind by ``late`` minutes."""
    for minute in minutes:
        at = AT + timedelta(minutes=minute)
        witness.look(starry_points(HERE.stars(at + timedelta(minutes=late)), turned), starry_sky(at))


def test_a_camera_that_was_turned_is_noticed_with_its_angle() -> None:
    """Ten frames whose stars fit another lens, 20° round: that angle; back in place: nothing. The owner's lens stays."""
    witness = StarWitness(HERE, TURNED, [("night", "none", ZERO, GAMMA)] * PROVEN)
    _watched(witness, Orientation(46.0, True, lens=TURNED.lens), range(MISSED))
    assert witness.moved_deg is not None
    assert 8 < witness.moved_deg < 20
    assert witness.orientation is TURNED
    assert witness.clock_off is None
    witness.look(starry_points(HERE.stars(AT)), starry_sky())
    assert witness.moved_deg is None


@pytest.mark.parametrize("late", [-7.0, 4.0, 240.0])
def test_the_stars_are_a_clock(late: float) -> None:
    """A clock minutes or hours off is found by the stars, to a quarter of a minute, and the camera was not moved."""
    witness = StarWitness(HERE, TURNED, [("night", "none", ZERO, GAMMA)] * PROVEN)
    _watched(witness, TURNED, range(MISSED), late)
    assert witness.clock_off == pytest.approx(late, abs=0.25)
    assert witness.moved_deg is None
    _watched(witness, TURNED, range(60, 62))
    assert witness.clock_off is None


def test_a_clock_that_drifts_is_noticed_while_the_stars_are_still_found() -> None:
    """1.7 minutes: the stars are where they must be, all a little aside; two looks half an hour apart agree."""
    witness = StarWitness(HERE, TURNED, [("night", "none", ZERO, GAMMA)] * PROVEN)
    _watched(witness, TURNED, range(1), 1.7)
    assert witness.clock_off is None
    _watched(witness, TURNED, range(31, 32), 1.7)
    assert witness.clock_off == pytest.approx(1.7, abs=0.25)


def test_a_default_is_believed_once_its_stars_are_seen() -> None:
    """Nothing is said by it before; then it is solved anew from the camera's own frame, and that is used and reported."""
    witness = StarWitness(HERE, None, start=TURNED)
    really = Orientation(26.15, True, lens=replace(TURNED.lens or Lens(), tilt_deg=2.1))
    _watched(witness, really, range(PROVEN - 1))
    assert witness.orientation is None
    _watched(witness, really, range(PROVEN, PROVEN + 1))
    assert witness.orientation is not None
    assert witness.orientation.north_deg == pytest.approx(26.15, abs=0.05)
    assert witness.news is witness.found
    assert witness.found is not None
    assert witness.found.at == AT + timedelta(minutes=PROVEN)
    assert (witness.found.stars or 0) > 100


def test_a_default_that_is_wrong_is_never_used() -> None:
    """The camera was mounted anew: the default says nothing; two frames that give the same lens do."""
    witness = StarWitness(HERE, None, start=TURNED)
    really = Orientation(80.0, True, lens=TURNED.lens)
    _watched(witness, really, range(MISSED + 9))
    assert witness.orientation is None
    _watched(witness, really, range(MISSED + 9, MISSED + 11))
    assert witness.orientation is not None
    assert witness.orientation.north_deg == pytest.approx(80.0, abs=0.05)


def test_a_camera_knocked_in_the_season_is_solved_anew() -> None:
    """The stars contradict the lens they gave: no direction while it is in doubt, then the new lens, with the angle."""
    witness = StarWitness(HERE, None, found=FoundLens(TURNED, AT, 0.05, 200))
    knocked = Orientation(46.0, True, lens=TURNED.lens)
    _watched(witness, knocked, range(MISSED))
    assert witness.orientation is None
    _watched(witness, knocked, range(MISSED + 9, MISSED + 10))
    assert witness.orientation is not None
    assert witness.orientation.north_deg == pytest.approx(46.0, abs=0.05)
    assert witness.found is not None
    assert 8 < (witness.found.turned_deg or 0) < 20


def test_a_lens_of_last_season_is_only_where_to_begin() -> None:
    """After the summer it must be found right again before directions go by it."""
    old = FoundLens(TURNED, AT - timedelta(days=200), 0.05, 200)
    witness = StarWitness(HERE, None, found=old)
    assert witness.orientation is TURNED
    witness.look(starry_points(HERE.stars(AT)), starry_sky())
    assert witness.orientation is None
    _watched(witness, TURNED, range(PROVEN))
    assert witness.orientation is not None
