"""Cards, charts, pages and noise: pictures that no camera took of a sky, drawn from a random generator.

Each function of ``CARDS`` takes a numpy generator and gives (height, width, 3) uint8, BGR.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from daemon.observation import Picture

Draw = Callable[[np.random.Generator], Picture]

CARDS: dict[str, Draw] = {}

_WORDS = (
    "Camera is off", "NO SIGNAL", "camera offline", "Starting up", "Please wait", "Restarting", "ERROR",
    "See the log for details", "No image", "Video loss", "Taking dark frames", "Connection lost", "404",
    "Daytime: not saving", "Service unavailable", "Maintenance", "Waiting for darkness", "Kein Bild",
)  # fmt: skip
_SIZES = (
    (720, 1280),
    (480, 853),
    (739, 979),
    (1080, 1920),
    (960, 1280),
    (480, 640),
    (720, 720),
    (1000, 1000),
)


def _card(draw: Draw) -> Draw:
    CARDS[draw.__name__.strip("_").replace("_", " ")] = draw
    return draw


def _size(rng: np.random.Generator) -> tuple[int, int]:
    return _SIZES[rng.integers(len(_SIZES))]


def any_colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    b, g, r = (int(v) for v in rng.integers(low, high, 3))
    return b, g, r


def _ground(rng: np.random.Generator, colour: tuple[int, int, int]) -> Picture:
    return np.full((*_size(rng), 3), colour, np.uint8)


def write(
    rng: np.random.Generator, picture: Picture, colour: tuple[int, int, int] | None = None, lines: int = 0
) -> Picture:
    """One to four centred lines, each a sixth to nine tenths of the height wide, in any of eight fonts."""
    height, width = picture.shape[:2]
    ground = picture.reshape(-1, 3).mean(axis=0)
    while colour is None or np.abs(ground - colour).max() < 90:
        colour = (
            any_colour(rng)
            if rng.random() < 0.6
            else ((255, 255, 255), (0, 0, 255), (0, 255, 255))[rng.integers(3)]
        )
    lines = lines or int(rng.integers(1, 5))
    font = int(rng.integers(0, 8))
    across = min(width, height) * rng.uniform(0.45, 0.95)
    thickness = max(1, round(height / 480 * rng.uniform(1, 5)))
    texts = [str(rng.choice(_WORDS)) for _ in range(lines)]
    widest = max(cv2.getTextSize(text, font, 1.0, 1)[0][0] for text in texts)
    scale = min(across / widest, height / lines / 45)
    for number, text in enumerate(texts):
        (w, h), _ = cv2.getTextSize(text, font, scale, thickness)
        y = round(height / 2 + (number - (lines - 1) / 2) * max(h * 1.8, height / 8)) + h // 2
        cv2.putText(picture, text, ((width - w) // 2, y), font, scale, colour, thickness, cv2.LINE_AA)
    return picture


def _gradient(rng: np.random.Generator, radial: bool) -> Picture:
    height, width = _size(rng)
    y, x = np.mgrid[0:height, 0:width]
    first, last = np.array(any_colour(rng, 0, 160), float), np.array(any_colour(rng, 60, 256), float)
    if radial:
        along = np.hypot(x - width / 2, y - height / 2) / (width / 2)
    else:
        turn = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
        along = np.cos(turn) * x / width + np.sin(turn) * y / height
        along = (along - along.min()) / np.ptp(along)
    return np.clip(first + (last - first) * along.clip(0, 1)[..., None], 0, 255).astype(np.uint8)


# ── cards ───────────────────────────────────────────────────────────────────────────────────────


@_card
def _text_on_a_flat_ground(rng: np.random.Generator) -> Picture:
    picture = write(rng, _ground(rng, any_colour(rng, 20, 220)))
    if rng.random() < 0.5:
        height, width = picture.shape[:2]
        cv2.rectangle(picture, (0, 0), (width - 1, height - 1), any_colour(rng), int(rng.integers(4, 20)))
    return picture


@_card
def _text_on_black(rng: np.random.Generator) -> Picture:
    return write(rng, _ground(rng, (0, 0, 0)))


@_card
def _text_on_white(rng: np.random.Generator) -> Picture:
    return write(rng, _ground(rng, (255, 255, 255)))


@_card
def _text_on_a_gradient(rng: np.random.Generator) -> Picture:
    return write(rng, _gradient(rng, radial=False))


@_card
def _text_on_a_vignette(rng: np.random.Generator) -> Picture:
    return write(rng, _gradient(rng, radial=True))


@_card
def _text_on_noise(rng: np.random.Generator) -> Picture:
    ground = _ground(rng, any_colour(rng, 20, 200)).astype(float)
    noisy = ground + rng.normal(0, rng.uniform(1, 12), ground.shape)
    return write(rng, np.clip(noisy, 0, 255).astype(np.uint8))


@_card
def _logo(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, any_colour(rng))
    height, width = picture.shape[:2]
    middle = (width // 2, height // 2)
    for _ in range(int(rng.integers(1, 4))):
        kind, colour, size = rng.integers(3), any_colour(rng), int(height * rng.uniform(0.1, 0.35))
        if kind == 0:
            cv2.circle(picture, middle, size, colour, -1 if rng.random() < 0.6 else size // 5, cv2.LINE_AA)
        elif kind == 1:
            corners = [
                (middle[0] + size * np.sin(a), middle[1] - size * np.cos(a))
                for a in 2 * np.pi * np.arange(3) / 3
            ]
            cv2.fillPoly(picture, [np.array(corners, np.int32)], colour, cv2.LINE_AA)
        else:
            cv2.rectangle(
                picture,
                (middle[0] - size, middle[1] - size // 2),
                (middle[0] + size, middle[1] + size // 2),
                colour,
                -1,
            )
    return picture


@_card
def _no_signal_box(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, ((0, 0, 0), (160, 30, 10), (40, 40, 40))[rng.integers(3)])
    height, width = picture.shape[:2]
    x, y = int(width * rng.uniform(0.3, 0.5)), int(height * rng.uniform(0.25, 0.6))
    cv2.rectangle(picture, (x, y), (x + height // 3, y + height // 8), any_colour(rng, 100), -1)
    cv2.putText(
        picture, "NO SIGNAL", (x + 8, y + height // 12), 0, height / 720, (255, 255, 255), 2, cv2.LINE_AA
    )
    return picture


@_card
def _crossed_camera(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (int(rng.integers(0, 90)),) * 3)
    height, width = picture.shape[:2]
    ink, x, y, s = (int(rng.integers(120, 256)),) * 3, width // 2, height // 2, height // 5
    cv2.rectangle(picture, (x - s, y - s // 2), (x + s // 2, y + s // 2), ink, -1)
    cv2.fillPoly(
        picture, [np.array([(x + s // 2, y), (x + s, y - s // 2), (x + s, y + s // 2)], np.int32)], ink
    )
    cv2.line(picture, (x - s, y - s), (x + s, y + s), (0, 0, 220), s // 8, cv2.LINE_AA)
    return picture


@_card
def _colour_bars(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    colours = np.array(
        [
            (255, 255, 255),
            (0, 255, 255),
            (255, 255, 0),
            (0, 255, 0),
            (255, 0, 255),
            (0, 0, 255),
            (255, 0, 0),
            (0, 0, 0),
        ]
    )
    bars = (colours * rng.uniform(0.5, 1))[np.arange(width) * 8 // width]
    picture = np.repeat(bars[None], height, axis=0)
    if rng.random() < 0.4:
        picture = picture + rng.normal(0, rng.uniform(1, 6), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@_card
def _bars_of_a_test_card(rng: np.random.Generator) -> Picture:
    picture = _colour_bars(rng)
    height, width = picture.shape[:2]
    cut = int(height * rng.uniform(0.6, 0.75))
    picture[cut : cut + height // 12] = picture[cut : cut + height // 12, ::-1]
    picture[cut + height // 12 :] = (np.arange(width) * 5 // width * 50)[None, :, None]
    return picture


@_card
def _bars_lying_down(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    colours = rng.integers(0, 256, (int(rng.integers(4, 12)), 3))
    return np.repeat(colours[np.arange(height) * len(colours) // height][:, None], width, axis=1).astype(
        np.uint8
    )


@_card
def _grey_steps(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    steps = int(rng.integers(6, 20))
    row = np.arange(width) * steps // width * 255 // (steps - 1)
    return np.repeat(np.repeat(row[None, :, None], height, axis=0), 3, axis=2).astype(np.uint8)


@_card
def _ramp(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    along = (
        np.linspace(0, 255, width)[None, :] if rng.random() < 0.5 else np.linspace(0, 255, height)[:, None]
    )
    return (np.broadcast_to(along, (height, width))[..., None] * rng.uniform(0.3, 1, 3)).astype(np.uint8)


@_card
def _chequers(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    y, x = np.mgrid[0:height, 0:width] // int(rng.integers(16, 100))
    return np.where(((x + y) % 2)[..., None] == 0, any_colour(rng), any_colour(rng)).astype(np.uint8)


@_card
def _chart_with_circles(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (int(rng.integers(60, 160)),) * 3)
    height, width = picture.shape[:2]
    step = height // int(rng.integers(8, 20))
    for at in range(0, width, step):
        cv2.line(picture, (at, 0), (at, height), (255, 255, 255), 2)
        cv2.line(picture, (0, at), (width, at), (255, 255, 255), 2)
    cv2.circle(picture, (width // 2, height // 2), height * 9 // 20, (0, 0, 0), 3)
    return picture


@_card
def _web_page(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (255, 255, 255) if rng.random() < 0.6 else (int(rng.integers(15, 50)),) * 3)
    height, width = picture.shape[:2]
    ink = (40, 40, 40) if picture[0, 0, 0] > 128 else (210, 210, 210)
    cv2.rectangle(picture, (0, 0), (width, height // 10), any_colour(rng), -1)
    for y in range(height // 5, height, max(16, height // 24)):
        text = " ".join(str(w) for w in rng.choice(_WORDS, 6))
        cv2.putText(picture, text, (width // 20, y), 0, height / 1100, ink, 1, cv2.LINE_AA)
    if rng.random() < 0.6:
        cv2.rectangle(
            picture, (width // 2, height // 3), (width * 4 // 5, height * 2 // 3), any_colour(rng), -1
        )
    return picture


@_card
def _terminal(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, ((0, 0, 0), (48, 10, 36), (30, 30, 30))[rng.integers(3)])
    height = len(picture)
    ink = ((220, 220, 220), (60, 230, 60), (0, 200, 255))[rng.integers(3)]
    for y in range(20, height, max(14, height // int(rng.integers(20, 45)))):
        text = " ".join(str(w) for w in rng.choice(_WORDS, int(rng.integers(2, 9))))
        cv2.putText(picture, text, (8, y), 2, height / 1100, ink, 1)
    return picture


@_card
def _error_page(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (int(rng.integers(235, 256)),) * 3)
    height, width = picture.shape[:2]
    cv2.putText(
        picture, "502 Bad Gateway", (width // 4, height // 3), 3, height / 480, (0, 0, 0), 2, cv2.LINE_AA
    )
    cv2.line(picture, (width // 8, height * 2 // 5), (width * 7 // 8, height * 2 // 5), (160, 160, 160), 2)
    cv2.putText(picture, "nginx", (width * 9 // 20, height // 2), 3, height / 700, (0, 0, 0), 1, cv2.LINE_AA)
    return picture


@_card
def _square_code(rng: np.random.Generator) -> Picture:
    cells = rng.integers(0, 2, (int(rng.integers(21, 45)),) * 2) * 255
    side = int(rng.integers(480, 900))
    code = cv2.resize(cells.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    return np.repeat(code[..., None], 3, axis=2)


@_card
def _flat_colour(rng: np.random.Generator) -> Picture:
    colour = any_colour(rng, 0, 256)
    return _ground(rng, colour if max(colour) > 30 else (0, 160, 0))


@_card
def _black(rng: np.random.Generator) -> Picture:
    return _ground(rng, (0, 0, 0))


@_card
def _white(rng: np.random.Generator) -> Picture:
    return _ground(rng, (int(rng.integers(250, 256)),) * 3)


@_card
def _lens_cap(rng: np.random.Generator) -> Picture:
    dark = rng.normal(rng.uniform(2, 20), rng.uniform(1.5, 5), (*_size(rng), 3))
    return np.clip(dark, 0, 255).astype(np.uint8)


@_card
def _colour_noise(rng: np.random.Generator) -> Picture:
    return rng.integers(0, 256, (*_size(rng), 3), dtype=np.uint8)


@_card
def _snow(rng: np.random.Generator) -> Picture:
    grey = np.clip(rng.normal(128, rng.uniform(25, 70), _size(rng)), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@_card
def _coarse_noise(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    grain = int(rng.integers(2, 9))
    small = rng.integers(0, 256, (height // grain, width // grain, 3), dtype=np.uint8)
    how = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=how), dtype=np.uint8)


@_card
def _diagram(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (255, 255, 255) if rng.random() < 0.5 else (35, 30, 30))
    height, width = picture.shape[:2]
    ink = (0, 0, 0) if picture[0, 0, 0] > 128 else (220, 220, 220)
    x = np.arange(width // 8, width * 7 // 8)
    for _ in range(int(rng.integers(1, 4))):
        y = height / 2 + height / 4 * np.sin(x / width * rng.uniform(5, 40) + rng.uniform(0, 6))
        cv2.polylines(picture, [np.stack([x, y], 1).astype(np.int32)], False, any_colour(rng), 2, cv2.LINE_AA)
    cv2.rectangle(picture, (width // 8, height // 8), (width * 7 // 8, height * 7 // 8), ink, 2)
    for k in range(8):
        cv2.putText(
            picture, f"{k * 10}", (width // 8 + k * width // 11, height * 15 // 16), 0, height / 1200, ink, 1
        )
    return picture


@_card
def _dial(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, any_colour(rng, 0, 100))
    height, width = picture.shape[:2]
    ink, x, y, r = any_colour(rng, 150), width // 2, height // 2, height // 3
    cv2.circle(picture, (x, y), r, ink, max(2, height // 80), cv2.LINE_AA)
    for a in 2 * np.pi * np.arange(12) / 12:
        start, end = ((int(x + f * r * np.sin(a)), int(y - f * r * np.cos(a))) for f in (0.85, 0.97))
        cv2.line(picture, start, end, ink, max(2, height // 100), cv2.LINE_AA)
    return picture


@_card
def _slanting_stripes(rng: np.random.Generator) -> Picture:
    height, width = _size(rng)
    y, x = np.mgrid[0:height, 0:width]
    turn = rng.uniform(0, np.pi)
    stripe = ((x * np.cos(turn) + y * np.sin(turn)) // int(rng.integers(15, 80))).astype(int) % 2
    return np.where(stripe[..., None] == 0, any_colour(rng), any_colour(rng)).astype(np.uint8)


@_card
def _spinner(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (int(rng.integers(0, 60)),) * 3)
    height, width = picture.shape[:2]
    middle, r = (width // 2, height // 2), int(height * rng.uniform(0.06, 0.2))
    cv2.ellipse(
        picture,
        middle,
        (r, r),
        0,
        0,
        int(rng.integers(60, 300)),
        (230, 230, 230),
        max(3, r // 6),
        cv2.LINE_AA,
    )
    return picture


@_card
def _table(rng: np.random.Generator) -> Picture:
    picture = _ground(rng, (int(rng.integers(200, 256)),) * 3)
    height, width = picture.shape[:2]
    for row in range(4, 20):
        y = row * height // 22
        cv2.line(picture, (width // 6, y), (width * 5 // 6, y), (90, 90, 90), 1)
        for column in range(5):
            cv2.putText(
                picture,
                f"{rng.uniform(0, 99):.1f}",
                (width // 6 + column * width // 8, y - 4),
                0,
                height / 1200,
                (0, 0, 0),
                1,
            )
    return picture
