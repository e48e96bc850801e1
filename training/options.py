"""What ``aurorad-train``'s options take: a wrong value is refused with the option's name before anything is begun."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import click

DEVICES: Final = ("auto", "cpu", "cuda")
"""Where a model can be trained."""

FOLDER: Final = click.Path(path_type=Path)
THERE: Final = click.Path(exists=True, path_type=Path)
FOLDER_THERE: Final = click.Path(exists=True, file_okay=False, path_type=Path)

SEED: Final = click.IntRange(0, 2**32 - 1)
"""As far as all that is seeded goes: scikit-learn takes no more."""
AT_ONCE: Final = click.IntRange(1, 1024)
"""Threads, processes, trainings."""
WORKERS: Final = click.IntRange(0, 1024)


class Finite(click.FloatRange):
    """A range of numbers without ``nan``, which no bound keeps out, and without ``inf``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuses with the option's name."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


HOURS: Final = Finite(0, 24, min_open=True)
MINUTES: Final = Finite(0)
SCALE: Final = Finite(0, 1000, min_open=True)
