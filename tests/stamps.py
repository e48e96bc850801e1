"""Burnt-in clocks of many makes on many grounds: what cameras' programs draw over a sky."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from daemon.observation import Picture

Colour = tuple[int, int, int]
HEIGHT, WIDTH = 44, 520

AT = datetime(2024, 2, 10, 19, 58, 3)


def _font(size: int) -> ImageFont.FreeTypeFont:
    package = find_spec("matplotlib")
    assert package is not None
    assert package.origin is not None
    return ImageFont.truetype(Path(package.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf", size)


def drawn(
    ground: Picture, text: str, colour: Colour, *, outline: Colour | None = None, size: int = 19, x: int = 40
) -> Picture:
    """The text over a ground, (height, width, 3) BGR; ``colour`` and ``outline`` are R, G, B."""
    picture = Image.fromarray(ground[..., ::-1].copy())
    ImageDraw.Draw(picture).text(
        (x, (HEIGHT - size) // 2 - 3), text, fill=colour, font=_font(size),
        stroke_width=2 if outline is not None else 0, stroke_fill=outline,
    )  # fmt: skip
    return np.asarray(picture)[..., ::-1].copy()


def _ground(rng: np.random.Generator, level: Colour, noise: float = 3) -> Picture:
    flat = np.full((HEIGHT, WIDTH, 3), level, float)
    return np.clip(flat + rng.normal(0, noise, flat.shape), 0, 255).astype(np.uint8)


def dark(rng: np.random.Generator) -> Picture:
    return _ground(rng, (14, 12, 10))


def bright(rng: np.random.Generator) -> Picture:
    level = int(rng.integers(150, 215))
    return _ground(rng, (level, level - 8, level - 20))


def horizon(rng: np.random.Generator) -> Picture:
    """Bright sky above, dark land below, the border somewhere through the letters."""
    picture = bright(rng)
    x = np.arange(WIDTH)
    edge = HEIGHT * rng.uniform(0.35, 0.65) + 4 * np.sin(x / rng.uniform(20, 60))
    below = np.arange(HEIGHT)[:, None] > edge[None, :]
    picture[below] = dark(rng)[below]
    return picture


def disc_edge(rng: np.random.Generator) -> Picture:
    """The rim of a moonlit disc reaches into the strip's corner."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture = dark(rng)
    inside = np.hypot(x + 60, y + 330) < rng.uniform(345, 372)
    picture[inside] = _ground(rng, (90, 100, 80), 6)[inside]
    return picture


Kind = tuple[Callable[[np.random.Generator], Picture], Colour, Colour | None, str]

WHITE, BLACK, RED, YELLOW, GREEN = (255, 255, 255), (0, 0, 0), (255, 0, 0), (255, 230, 0), (0, 220, 40)

KINDS: dict[str, Kind] = {
    "white on dark": (dark, WHITE, None, "%Y-%m-%d %H:%M:%S"),
    "white by the disc's edge": (disc_edge, WHITE, None, "%Y/%m/%d %H:%M:%S"),
    "outlined on dark": (dark, WHITE, BLACK, "%Y-%m-%d %H:%M:%S"),
    "outlined on bright": (bright, WHITE, BLACK, "%Y-%m-%d %H:%M:%S"),
    "outlined over the horizon": (horizon, WHITE, BLACK, "%Y-%m-%d %H:%M:%S"),
    "white over the horizon": (horizon, WHITE, None, "%Y-%m-%d %H:%M:%S"),
    "yellow, outlined, on bright": (bright, YELLOW, BLACK, "%Y-%m-%d %H:%M:%S"),
    "red on dark": (dark, RED, None, "%Y-%m-%d %H:%M:%S"),
    "red on bright": (bright, RED, None, "%Y-%m-%d %H:%M:%S"),
    "green on dark": (dark, GREEN, None, "%Y-%m-%d %H:%M:%S"),
    "black on bright": (bright, BLACK, None, "%Y-%m-%d %H:%M:%S"),
    "twelve hours": (dark, WHITE, None, "%Y-%m-%d %I:%M:%S %p"),
    "month's name": (dark, WHITE, None, "%d %b %Y %H:%M:%S"),
    "day and month": (bright, BLACK, None, "%a %d %B %Y %I:%M:%S %p"),
}


def strips(kind: str, count: int = 12, size: int | None = None) -> list[tuple[Picture, str, datetime]]:
    """(strip, its format, what it shows), each an hour and some on from the one before; in one size or in many."""
    ground, colour, outline, form = KINDS[kind]
    rng = np.random.default_rng(sum(map(ord, kind)))
    made = []
    for number in range(count):
        at = AT + timedelta(hours=7, minutes=11, seconds=7) * number
        drawn_size = size or (int(rng.integers(17, 23)) if len(form) < 20 else 17)
        made.append(
            (drawn(ground(rng), at.strftime(form), colour, outline=outline, size=drawn_size), form, at)
        )
    return made
