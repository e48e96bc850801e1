"""The disc is cut where it is, directions invert, outlines lie where the map is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import PictureError
from daemon.footage import image
from daemon.observation import Disc, HeatMap, Orientation, Picture
from daemon.sky import geometry

FOOTAGE = Path(__file__).parents[3] / "../shared/data"
AURORAMAX = Disc(centre_x=640, centre_y=360, radius=360, width=1280, height=720)


def _picture(width: int, height: int) -> Picture:
    """Blue tells the column, green the row, red is full."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 255)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "side"), [(853, 480, 480), (1280, 720, 720), (1920, 1080, 1080), (911, 545, 544)]
)
def test_one_disc_serves_every_size(width: int, height: int, side: int) -> None:
    """AuroraMAX's 480p, 720p and 1080p (and a player's 911×545) give the same disc at their own scale."""
    square = geometry.cut_disc(_picture(width, height), AURORAMAX)
    assert square.shape == (side, side, 3)
    centre = square[side // 2, side // 2]
    assert centre[0] == pytest.approx(127, abs=1)
    assert centre[1] == pytest.approx(127, abs=1)


def test_outside_the_circle_is_black_and_inside_untouched() -> None:
    """The corners are 0, every pixel of the circle is the picture's own, π/4 of the square."""
    pixels = _picture(1280, 720)
    square = geometry.cut_disc(pixels, AURORAMAX)
    inside = square[:, :, 2] == 255
    assert inside.mean() == pytest.approx(np.pi / 4, abs=0.001)
    assert np.array_equal(square[inside], pixels[:, 280:1000][inside])
    assert not square[~inside].any()


@pytest.mark.parametrize(
    "disc",
    [
        Disc(10, 20, 60, 100, 100),
        Disc(95, 90, 60, 100, 100),
        Disc(50, 50, 300, 100, 100),
        Disc(-500, -500, 30, 100, 100),
    ],
)
def test_a_disc_beyond_the_picture_is_black_there(disc: Disc) -> None:
    """What the picture does not hold is black; what it holds lands at its own place on the disc."""
    pixels = _picture(100, 100)
    square = geometry.cut_disc(pixels, disc)
    assert square.shape[:2] == (2 * disc.radius, 2 * disc.radius)
    left, top = int(disc.centre_x - disc.radius), int(disc.centre_y - disc.radius)
    for row, column in zip(*np.nonzero(square[:, :, 2]), strict=True):
        assert np.array_equal(square[row, column], pixels[top + row, left + column])


@pytest.mark.parametrize(
    ("own", "turned"),
    [((1920, 1080), (1080, 1920)), ((1080, 1920), (1920, 1080)), ((1280, 960), (960, 1280))],
)
def test_a_camera_that_was_turned_is_not_cut_by_the_old_disc(
    own: tuple[int, int], turned: tuple[int, int]
) -> None:
    """Upright where it was wide: half of the disc may still be held, but neither it nor north is where it was."""
    disc = Disc(own[0] / 2, own[1] / 2, min(own) // 2, *own)
    assert geometry.cut_disc(_picture(*own), disc).shape[:2] == (min(own), min(own))
    with pytest.raises(PictureError, match=r"does not hold the camera's disc") as refused:
        geometry.cut_disc(_picture(*turned), disc)
    assert refused.value.reason == "wrong shape"


def test_a_square_picture_is_masked_only() -> None:
    """An already cropped disc keeps its pixels and loses its corners; another shape is refused."""
    pixels = _picture(200, 200)
    square = geometry.cut_square(pixels)
    assert np.array_equal(square[100], pixels[100])
    assert not square[0, 0].any()
    with pytest.raises(ValueError, match="not square"):
        geometry.cut_square(_picture(200, 100))


def test_auroramax_lies_where_its_disc_says() -> None:
    """In a real frame the disc holds the sky and none of the titles, of which a frame has some."""
    path = FOOTAGE / "auroramax/overlay/2016-02-07T23-12-18_MST_player_911x545.png"
    if not path.is_file():
        pytest.skip("real footage is not here (../shared/data)")
    frame = image.read(path)
    square = geometry.cut_disc(frame, AURORAMAX)
    assert frame.min(axis=2).max() == 255  # white letters
    assert square.min(axis=2).max() < 250
    assert square.mean() > 1.3 * frame.mean()


ORIENTATIONS = st.builds(
    Orientation,
    north_deg=st.floats(-360, 360),
    east_left=st.booleans(),
    edge_elevation_deg=st.floats(-10, 60),
)


@given(st.floats(0, 359.999), st.floats(0, 89.9), ORIENTATIONS)
def test_direction_is_the_inverse_of_position(azimuth: float, elevation: float, turned: Orientation) -> None:
    """Whatever the camera's orientation, a direction comes back from its own position."""
    x, y = geometry.position(azimuth, elevation, turned)
    back_azimuth, back_elevation = geometry.direction(x, y, turned)
    assert back_elevation == pytest.approx(elevation, abs=1e-6)
    assert (back_azimuth - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=1e-4)


def test_north_up_has_east_left_as_in_a_sky_seen_from_below() -> None:
    """With north up, the left edge is the eastern horizon; mirrored, the western; the centre is the zenith."""
    assert geometry.direction(0, -1, Orientation(0)) == (0.0, 0.0)
    assert geometry.direction(-1, 0, Orientation(0)) == (90.0, 0.0)
    assert geometry.direction(-1, 0, Orientation(0, east_left=False)) == (270.0, 0.0)
    assert geometry.direction(0, 0, Orientation(30))[1] == 90.0
    # North drawn 30° clockwise from up: up itself is 30° towards the east (left of north).
    assert geometry.direction(0, -1, Orientation(30))[0] == pytest.approx(30.0)
    assert geometry.direction(0.0, -1.0, Orientation(0, True, 15.0))[1] == 15.0


@pytest.mark.parametrize(
    ("azimuth", "name"), [(0, "north"), (359, "north"), (315, "north-west"), (112, "east"), (180, "south")]
)
def test_compass_points(azimuth: float, name: str) -> None:
    """Azimuths go to the nearest of eight points."""
    assert geometry.compass_point(azimuth) == name


def _map(*cells: tuple[int, int, float]) -> HeatMap:
    heatmap = np.zeros((8, 8), dtype=np.float32)
    for row, column, value in cells:
        heatmap[row, column] = value
    return heatmap


def test_area_grows_from_a_spot_to_the_whole_disc() -> None:
    """An empty map covers nothing, a cell about 1/64 of the square, an even map the whole disc."""
    assert geometry.heatmap_area(_map()) == 0.0
    spot = geometry.heatmap_area(_map((3, 4, 1.0)))
    assert 0.5 / 64 * 4 / np.pi < spot < 2 / 64 * 4 / np.pi
    assert geometry.heatmap_area(np.full((8, 8), 0.7, dtype=np.float32)) == 1.0
    assert geometry.heatmap_area(_map((3, 4, 5.0))) == pytest.approx(spot)


def test_direction_of_a_map_is_its_brightest_part() -> None:
    """A spot low in the picture's top is north and low; without orientation or map there is none."""
    north_up = Orientation(0)
    azimuth, elevation = geometry.heatmap_direction(_map((0, 3, 1.0), (0, 4, 1.0)), north_up)
    assert azimuth == pytest.approx(0, abs=0.01)
    assert elevation == pytest.approx(90 * (1 - 0.875), abs=0.01)
    azimuth, _ = geometry.heatmap_direction(_map((4, 0, 1.0), (3, 0, 0.9)), north_up)
    assert azimuth is not None
    assert 80 < azimuth < 100
    assert geometry.heatmap_direction(_map((0, 3, 1.0)), None) == (None, None)
    assert geometry.heatmap_direction(_map(), north_up) == (None, None)


def test_direction_never_leaves_the_disc() -> None:
    """A map whose largest value lies in a corner, outside the sky, points at the sky's own largest."""
    azimuth, elevation = geometry.heatmap_direction(
        _map((0, 0, 9.0), (3, 7, 1.0), (4, 7, 1.0)), Orientation(0)
    )
    assert azimuth == pytest.approx(270, abs=0.01)
    assert elevation == pytest.approx(90 * (1 - 0.875), abs=0.01)


def _enclosed(loop: geometry.Polygon) -> float:
    x, y = np.array(loop).T
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


def test_the_outline_encloses_the_area() -> None:
    """The polygons enclose the same share of the disc that heatmap_area counts, around the spot."""
    heatmap = _map((2, 2, 1.0), (2, 3, 0.8), (5, 5, 0.9))
    loops = geometry.heatmap_outline(heatmap, side=720)
    assert len(loops) == 2
    share = sum(_enclosed(loop) for loop in loops) / (np.pi * 360**2)
    assert share == pytest.approx(geometry.heatmap_area(heatmap), rel=0.1)
    centres = sorted(tuple(np.mean(loop, axis=0)) for loop in loops)
    assert centres[1] == pytest.approx((495, 495), abs=5)  # cell (5, 5) of 90 px


def test_outlines_close_at_the_edge_and_have_holes() -> None:
    """An even map is outlined by the disc; a ring has an outer and an inner outline; nothing has none."""
    (circle,) = geometry.heatmap_outline(np.ones((8, 8), dtype=np.float32), side=240)
    assert _enclosed(circle) == pytest.approx(np.pi * 120**2, rel=0.02)
    ring = np.ones((8, 8), dtype=np.float32)
    ring[3:5, 3:5] = 0
    assert len(geometry.heatmap_outline(ring, side=240)) == 2
    assert geometry.heatmap_outline(_map(), side=240) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=64, max_size=64))
def test_any_map_is_outlined(values: list[float]) -> None:
    """Every outline of any map is a polygon within the picture."""
    for loop in geometry.heatmap_outline(np.array(values, dtype=np.float32).reshape(8, 8), side=720):
        assert len(loop) >= 3
        assert np.all(np.array(loop) >= -6)
        assert np.all(np.array(loop) <= 726)


def _stars(path: Path) -> list[tuple[float, float]]:
    """Positions on AuroraMAX's disc of the hundred brightest points of a 720 × 720 frame."""
    grey = image.read(path).astype(np.float32).mean(axis=2)
    around = sum(np.roll(grey, (dy, dx), (0, 1)) for dy in (-4, 0, 4) for dx in (-4, 0, 4)) / 9
    sharp = grey - around
    rows, columns = np.mgrid[0:720, 0:720] - 360.0
    sharp[(np.hypot(rows, columns) > 300) | (np.abs(columns) < 14)] = 0
    neighbours = [np.roll(sharp, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    sharp[sharp < np.max(neighbours, axis=0)] = 0
    brightest = np.argsort(sharp, axis=None)[-100:]
    return [((i % 720 - 360) / 360, (i // 720 - 360) / 360) for i in brightest.tolist()]


def _turned(x: float, y: float, orientation: Orientation, hours: float) -> tuple[float, float]:
    """Where a star of Yellowknife's sky stands some hours later: round the pole at 62.4°."""
    azimuth, altitude = np.radians(geometry.direction(x, y, orientation))
    pole, spin = np.radians(62.4333), np.radians(15.041 * hours)
    north, east, up = np.cos(altitude) * np.cos(azimuth), np.cos(altitude) * np.sin(azimuth), np.sin(altitude)
    along, across = north * np.cos(pole) + up * np.sin(pole), up * np.cos(pole) - north * np.sin(pole)
    across, east = across * np.cos(spin) + east * np.sin(spin), east * np.cos(spin) - across * np.sin(spin)
    north, up = along * np.cos(pole) - across * np.sin(pole), along * np.sin(pole) + across * np.cos(pole)
    return geometry.position(
        float(np.degrees(np.arctan2(east, north))), float(np.degrees(np.arcsin(up))), orientation
    )


def test_auroramax_is_turned_as_its_stars_say() -> None:
    """With north 30° clockwise from up and east left, the real stars turn round the pole; otherwise they do not.

    Fitted to the star trails of 247 frames, residual 0.5 px; the frames prove to be 40.8 s apart.
    The pole lies at (419 ± 2, 258 ± 2) of the 720 × 720 frame, 30.0° from up.
    """
    folder = FOOTAGE / "auroramax/sequence"
    if not folder.is_dir():
        pytest.skip("real footage is not here (../shared/data)")
    matches = dict.fromkeys(
        [(30, True), (50, True), (10, True), (120, True), (210, True), (30, False), (330, False)], 0
    )
    for first in range(20, 120, 20):
        before, after = _stars(folder / f"{first:03}.jpg"), np.array(_stars(folder / f"{first + 30:03}.jpg"))
        for north, east_left in matches:
            turned = Orientation(north, east_left, edge_elevation_deg=5.0)
            moved = np.array([_turned(x, y, turned, 30 * 40.8 / 3600) for x, y in before])
            gaps = np.hypot(*(moved[:, None, :] - after[None, :, :]).transpose(2, 0, 1))
            matches[north, east_left] += int((gaps.min(axis=1) < 2 / 360).sum())
    best = matches.pop((30, True))
    assert best > 150
    assert best > 1.5 * max(matches.values())
