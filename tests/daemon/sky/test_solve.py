"""The solve: right lenses from simulated and real skies, and never a wrong one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pytest

from daemon.footage import image
from daemon.footage.find_disc import find_disc
from daemon.footage.points import find_points
from daemon.observation import Disc, Points
from daemon.sky.ephemeris import Observatory
from daemon.sky.stars.catalogue import StarField
from daemon.sky.stars.fit import Shot, apart_deg
from daemon.sky.stars.solve import NoSolution, Solution, solve, solve_unknown_time
from tests.bench.stars import DATA, Solved, error_deg, look
from training.simulator.stills import Still, random_still


@lru_cache(maxsize=8)
def _looked(seed: int) -> tuple[Still, Solved]:
    still = random_still(seed, side=480)
    return still, look(still.picture(), still)


# Cut at top and bottom in 40 % cloud, a portrait with aurora in 58 %, a wide one, a square one.
@pytest.mark.parametrize("seed", [10, 0, 4, 14])
def test_a_simulated_camera_is_solved(seed: int) -> None:
    """Whatever the lens, the tilt, the framing and the cloud, directions are right to 0.5°; in seconds."""
    still, solved = _looked(seed)
    assert isinstance(solved.answer, Solution)
    assert solved.answer.fit.orientation.east_left == still.scene.lens.east_left
    assert error_deg(still, solved.answer.fit.orientation, solved.disc) < 0.5
    assert solved.answer.error_deg < 0.5
    assert solved.answer.trial.found > 5 * solved.answer.trial.control


def test_scattered_points_are_not_believed() -> None:
    """As many points as a starry sky has, at random angles: no lens, by chance of less than one in a million."""
    _, solved = _looked(14)
    points = solved.shot.points
    for seed in range(3):
        rng = np.random.default_rng(seed)
        turn, r = rng.uniform(0, 2 * np.pi, len(points)), np.hypot(points.x, points.y)
        mixed = replace(points, x=r * np.sin(turn), y=r * np.cos(turn))
        assert isinstance(solve([replace(solved.shot, points=mixed)]), NoSolution)


def test_a_dense_field_does_not_fool_it() -> None:
    """Ten times the points, so that one lies near every star under every lens: refused."""
    _, solved = _looked(14)
    rng = np.random.default_rng(1)
    r, turn = np.sqrt(rng.uniform(0, 0.9, 4000)), rng.uniform(0, 2 * np.pi, 4000)
    dense = Points(r * np.sin(turn), r * np.cos(turn), np.linspace(90, 2, 4000))
    assert isinstance(solve([replace(solved.shot, points=dense)]), NoSolution)


@pytest.mark.parametrize("hours", [3.0, 9.0])
def test_a_wrong_time_is_not_believed(hours: float) -> None:
    """The stars of hours later: the lens would have to lean as no camera does, or does not fit at all."""
    still, solved = _looked(10)
    place = still.place
    stars = Observatory(place.latitude_deg, place.longitude_deg).stars(still.at + timedelta(hours=hours))
    answer = solve([replace(solved.shot, stars=stars)])
    assert isinstance(answer, NoSolution)
    assert "time" in answer.advice


def test_too_few_points_are_refused_at_once() -> None:
    """Overcast: the advice is to take a clear frame."""
    _, solved = _looked(14)
    few = replace(solved.shot, points=Points(np.zeros(3), np.zeros(3), np.ones(3)))
    answer = solve([few])
    assert isinstance(answer, NoSolution)
    assert "clear" in answer.advice


def test_several_frames_are_solved_together() -> None:
    """Two frames of one camera an hour apart give one lens, with the stars of both."""
    still, solved = _looked(14)
    later = still.at + timedelta(hours=1)
    turn = 360.98564736629 / 24
    night_sky = replace(still.scene.night_sky, sidereal_deg=still.scene.night_sky.sidereal_deg + turn)
    second = replace(still, at=later, scene=replace(still.scene, night_sky=night_sky))
    place = still.place
    stars = Observatory(place.latitude_deg, place.longitude_deg, place.elevation_m).stars(later)
    other = Shot(find_points(second.picture(), solved.disc), stars)
    answer = solve([solved.shot, other])
    assert isinstance(answer, Solution)
    assert isinstance(solved.answer, Solution)
    assert answer.fit.count > 1.5 * solved.answer.fit.count
    assert error_deg(still, answer.fit.orientation, solved.disc) < 0.2


def _auroramax(number: str) -> Solution:
    observatory, guess = Observatory(62.4333, -114.35), datetime(2020, 9, 25, 4, tzinfo=UTC)

    def stars_after(minutes: float) -> StarField:
        return observatory.stars(guess + timedelta(minutes=minutes))

    pixels = image.read(DATA / f"auroramax/sequence/{number}.jpg")
    shot = Shot(find_points(pixels, Disc(360, 360, 360, 720, 720)), stars_after(0))
    answer = solve_unknown_time(shot, stars_after, 62.4333)
    assert isinstance(answer, Solution)
    return answer


@pytest.mark.skipif(not DATA.is_dir(), reason="real footage is not here (../shared/data)")
def test_auroramax_is_solved_without_its_time() -> None:
    """Two frames 82 minutes apart, whose date nobody knows: one lens to 0.5°, and the minutes between them."""
    first, second = _auroramax("000"), _auroramax("120")
    assert first.fit.orientation.north_deg == pytest.approx(25.8, abs=0.7)
    assert first.fit.orientation.east_left
    assert apart_deg(first.fit.orientation, second.fit.orientation) < 0.5
    assert second.minutes - first.minutes == pytest.approx(81.6, abs=4)


@pytest.mark.skipif(not DATA.is_dir(), reason="real footage is not here (../shared/data)")
def test_khos_still_is_solved() -> None:
    """More than 130 stars, under 1.5 pixels."""
    pixels = image.read(DATA / "other_cameras/kho_sony/LYR-Sony-111220_200933.jpg")
    found = find_disc(pixels)
    assert found is not None
    stars = Observatory(78.148, 16.043, 520).stars(datetime(2020, 12, 11, 20, 9, 33, tzinfo=UTC))
    answer = solve([Shot(find_points(pixels, found.disc), stars)])
    assert isinstance(answer, Solution)
    assert answer.fit.count > 130
    assert answer.fit.rms_deg * found.disc.radius / 90 < 1.5
    assert answer.trial.found > 0.9
    assert answer.trial.control < 0.05
