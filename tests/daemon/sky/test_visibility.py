"""What is clear, by the stars: sector by sector, and silent where they cannot tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from daemon.observation import Lens, Orientation, Points, SkyState
from daemon.sky.ephemeris import Observatory
from daemon.sky.lens import project
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.visibility import (
    SECTORS,
    from_code,
    limit_of,
    sector_of,
    share_of,
    solid_angles,
    star_cover,
)
from daemon.sky.stars.witness import MISSED, PROVEN, StarWitness

AT = datetime(2024, 2, 10, 7, 13, tzinfo=UTC)
HERE = Observatory(62.4333, -114.35)
TURNED = Orientation(26.0, True, lens=Lens(1.13, -0.11, 0.02, 0.01, 2.0, 30.0))


def _sky(at: datetime = AT) -> SkyState:
    return SkyState(at, -35.0, 0.0, -20.0, 0.0, 5.0, "night", "none")


def _points(stars: StarField, turned: Orientation = TURNED, *, noise: int = 60) -> Points:
    """Every star where it must be, and some points where none is."""
    rng = np.random.default_rng(1)
    x, y = project(stars.azimuth_deg, stars.elevation_deg, turned)
    r, angle = np.sqrt(rng.uniform(0, 0.9, noise)), rng.uniform(0, 2 * np.pi, noise)
    x, y = np.concatenate([x, r * np.sin(angle)]), np.concatenate([y, r * np.cos(angle)])
    return Points(x, y, np.linspace(90, 2, len(x)))


def test_a_clear_sky_is_clear_everywhere() -> None:
    """All stars to 5.0 are there: every sector nearly 1, the limit near 5."""
    field = HERE.stars(AT)
    points = _points(field.brighter(5.0))
    cover = star_cover(points, field, TURNED, 4.5)
    assert all(share is None or share > 0.85 for share in cover.sectors)
    assert cover.share is not None
    assert cover.share > 0.93
    assert limit_of(points, field, TURNED) == pytest.approx(5.0, abs=0.5)


def test_cloud_in_the_west_is_seen_in_the_west() -> None:
    """The western half empty: its sectors near 0, the eastern ones near 1."""
    field = HERE.stars(AT)
    east = field.chosen(field.azimuth_deg < 180).brighter(5.0)
    cover = star_cover(_points(east), field, TURNED, 4.5)
    for sector, share in enumerate(cover.sectors):
        azimuth = sector % 8 * 45
        if share is None or azimuth in (0, 180):
            continue
        assert share > 0.8 if azimuth < 180 else share < 0.25, (sector, share)


def test_points_by_chance_are_no_stars() -> None:
    """Six hundred random points and no star: the sky is not taken for clear."""
    field = HERE.stars(AT)
    nothing = field.chosen(np.zeros(len(field), np.bool_))
    cover = star_cover(_points(nothing, noise=600), field, TURNED, 4.5)
    assert cover.share is not None
    assert cover.share < 0.06
    assert cover.chance > 0.02


def test_where_few_stars_are_expected_nothing_is_known() -> None:
    """Stars to magnitude 0 alone: most sectors are not known, and neither is the sky."""
    cover = star_cover(_points(HERE.stars(AT)), HERE.stars(AT), TURNED, 0.0)
    assert sum(share is None for share in cover.sectors) > 18
    assert cover.share is None


def test_the_code_keeps_the_sectors() -> None:
    """24 characters out, the same tenths back; anything else is refused."""
    field = HERE.stars(AT)
    cover = star_cover(_points(field.brighter(4.0)), field, TURNED, 4.0)
    code = cover.code()
    assert len(code) == SECTORS
    for share, kept in zip(cover.sectors, from_code(code), strict=True):
        assert (share is None) == (kept is None)
        assert share is None or kept is None or abs(share - kept) <= 0.1
    assert share_of(code) == pytest.approx(cover.share, abs=0.06)
    with pytest.raises(ValueError, match="no code"):
        from_code("123")


def test_sectors_tile_the_sky() -> None:
    """Every direction above 15° has a sector; their solid angles make the whole."""
    azimuth, elevation = (p.ravel() for p in np.meshgrid(np.arange(0, 360, 5.0), np.arange(15, 90.1, 5)))
    assert set(sector_of(azimuth, elevation)) == set(range(SECTORS))
    assert sector_of(np.array([359.0, 10.0]), np.array([16.0, 16.0])).tolist() == [0, 0]
    assert sector_of(np.array([0.0]), np.array([10.0])).tolist() == [-1]
    assert solid_angles().sum() == pytest.approx(1.0)


def test_a_lens_is_trusted_when_it_has_proven_right() -> None:
    """Silent at first; after five frames with stars where they must be, an overcast sky is called so."""
    witness, field = StarWitness(HERE, TURNED), HERE.stars(AT)
    clear, overcast = _points(field.brighter(5.0)), Points(np.zeros(0), np.zeros(0), np.zeros(0))
    assert witness.look(overcast, _sky()).cover is None
    for _ in range(PROVEN):
        look = witness.look(clear, _sky())
    assert look.cover is not None
    assert look.cover.share is not None
    assert look.cover.share > 0.9
    cloudy = witness.look(overcast, _sky()).cover
    assert cloudy is not None
    assert cloudy.share == 0.0


def test_the_record_proves_it_too() -> None:
    """A restart knows what earlier frames showed, and what moonlight takes away."""
    past = [("night", "none", 5.0)] * PROVEN
    witness = StarWitness(HERE, TURNED, past)
    dark, moonlit = witness.expected("night none"), witness.expected("night full")
    assert dark == pytest.approx(4.5)
    assert moonlit is not None
    assert dark is not None
    assert 1.0 <= dark - moonlit <= 2.0
    assert StarWitness(HERE, TURNED, past[:-1]).expected("night none") is None


def test_a_camera_that_was_turned_is_noticed_with_its_angle() -> None:
    """Ten frames whose stars fit another lens, 20° round: that angle; back in place: nothing."""
    witness = StarWitness(HERE, TURNED, [("night", "none", 5.0)] * PROVEN)
    knocked = Orientation(46.0, True, lens=TURNED.lens)
    for minute in range(MISSED):
        at = AT + timedelta(minutes=minute)
        witness.look(_points(HERE.stars(at).brighter(5.0), knocked), _sky(at))
    assert witness.moved_deg is not None
    assert 8 < witness.moved_deg < 20
    witness.look(_points(HERE.stars(AT).brighter(5.0)), _sky())
    assert witness.moved_deg is None
