"""What is no sky: learned from frames and stars, kept as a picture, and counting for nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.errors import PictureError
from daemon.footage import horizon
from daemon.footage.horizon import SIDE, Horizon, StarsSeen
from daemon.observation import Disc, Picture
from daemon.sky.lens import project
from tests.starry import AT, HERE, TURNED, starry_points

DISC = Disc(240, 240, 240, 480, 480)
SPRUCE = np.array([[60, 480], [110, 290], [160, 480]])


def _frames(number: int, level: float) -> list[Picture]:
    """Skies of one brightness or another with drifting cloud, the same spruce at the lower left of each, and a lamp."""
    rng, out = np.random.default_rng(3), []
    for _ in range(number):
        cloud = cv2.resize(
            rng.normal(0, 1, (6, 6)).astype(np.float32), (480, 480), interpolation=cv2.INTER_CUBIC
        )
        picture = np.repeat((level * rng.uniform(0.7, 1.5) * (1 + 0.25 * cloud))[:, :, None], 3, axis=2)
        cv2.fillPoly(picture, [SPRUCE], (3.0, 3.0, 3.0))
        cv2.circle(picture, (240, 470), 8, (250.0, 250.0, 250.0), -1)
        out.append(np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8))
    return out


def test_a_tree_and_a_lamp_stay_while_the_sky_changes() -> None:
    """Both are masked, mid-sky is not, and the mask is no wider than what stands there."""
    found = horizon.by_medians(_frames(12, 40.0), DISC)
    assert not found.sky[200, 55]
    assert not found.sky[234, 120]
    assert found.sky[120, 120]
    drawn = np.zeros((480, 480), np.uint8)
    cv2.fillPoly(drawn, [SPRUCE], 255)
    tree = cv2.resize(drawn, (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 128
    inside = np.hypot(*(np.mgrid[0:SIDE, 0:SIDE] - 119.5)) < 118
    assert ((~found.sky & inside).sum() - (tree & inside).sum()) < 200
    assert (~found.sky & tree & inside).sum() > 0.85 * (tree & inside).sum()


def test_frames_too_dark_or_too_few_say_nothing() -> None:
    """Black nights show no tree; that is said, with what would help."""
    with pytest.raises(PictureError, match=r"0 of 12 pictures are bright enough .* at least 8"):
        horizon.by_medians(_frames(12, 2.0), DISC)
    with pytest.raises(PictureError, match="5 of 5"):
        horizon.by_medians(_frames(5, 40.0), DISC)


def test_stars_never_seen_mask_their_part_of_the_sky() -> None:
    """A hill 30° high in the west hides every star behind it, all night; the east is open."""
    frames = []
    for hours in range(10):
        field = HERE.stars(AT + timedelta(hours=hours)).brighter(4.5, 5.0)
        behind = (np.abs(field.azimuth_deg - 270) < 30) & (field.elevation_deg < 30)
        frames.append(StarsSeen(starry_points(field.chosen(~behind), noise=0), field))
    found = horizon.by_stars(frames, TURNED)
    azimuth, elevation = np.array([270.0, 90.0, 270.0]), np.array([20.0, 20.0, 60.0])
    assert found.sees(*project(azimuth, elevation, TURNED)).tolist() == [False, True, True]
    assert 0.85 < found.share < 0.99


def test_the_mask_is_a_picture_to_paint_on(tmp_path: Path) -> None:
    """Written and read again it is the same; painted by hand at another size it counts as painted."""
    sky = np.ones((SIDE, SIDE), np.bool_)
    sky[:, :40] = False
    (tmp_path / "a.png").write_bytes(horizon.png(Horizon(sky)))
    assert (horizon.read(tmp_path / "a.png").sky == sky).all()
    cv2.imwrite(str(tmp_path / "b.png"), np.full((300, 300), 255, np.uint8))
    assert horizon.read(tmp_path / "b.png").share == 1.0


@pytest.mark.parametrize(
    ("shape", "level", "words"),
    [
        ((200, 300), 255, "square picture of the disc, this is 300×200"),
        ((200, 200), 0, "only 0% of the disc is white"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, shape: tuple[int, int], level: int, words: str) -> None:
    """A picture of another shape, or one that would mask the whole sky."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full(shape, level, np.uint8))
    with pytest.raises(PictureError, match=words):
        horizon.read(tmp_path / "a.png")


def test_what_is_masked_counts_for_nothing() -> None:
    """No colour, no heat and no star there; the rest is as it was."""
    sky = np.ones((SIDE, SIDE), np.bool_)
    sky[:, : SIDE // 2] = False
    half = Horizon(sky)
    assert half.share == pytest.approx(0.5, abs=0.01)
    assert half.square(np.full((SIDE, SIDE, 3), 9, np.uint8)).mean() == pytest.approx(4.5)
    heat = half.over(np.ones((8, 8), np.float32))
    assert heat[:, :4].max() == 0
    assert heat[:, 4:].min() == 1
    assert half.sees(np.array([-0.5, 0.5]), np.array([0.0, 0.0])).tolist() == [False, True]


def test_a_mask_is_fitted_to_a_map_s_size_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frame after frame the same shares; the maps of heat and of aurora have sizes of their own."""
    real, sized = cv2.resize, []

    def counted(*given: object, **more: object) -> object:
        sized.append(given[1])
        return real(*given, **more)  # type: ignore[call-overload]

    sky = np.ones((SIDE, SIDE), np.bool_)
    sky[:, : SIDE // 2] = False
    mask = horizon.Horizon(sky)
    monkeypatch.setattr("daemon.footage.horizon.cv2.resize", counted)
    for _ in range(3):
        assert mask.over(np.ones((8, 8), np.float32)).sum() == 32
        assert mask.within(np.ones((60, 60), np.bool_)).sum() == 1800
    assert sized == [(8, 8), (60, 60)]
