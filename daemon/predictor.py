"""The model at work, and a candidate in its shadow.

While watching one inference runs at a time, whatever the number of cameras: more would share the same
cores and make each late. An archive's frames are predicted several at once. A new model is loaded beside
the old one and takes its place between two frames.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from daemon.config import ModelSettings
from daemon.errors import ModelError
from daemon.observation import Picture, Prediction, SkyState
from models import card, runtime
from models.labels import FORMS

_PASS = {"cpu": 1, "cuda": runtime.MAX_BATCH["cuda"]}
"""Frames of one inference where several run at once: a core has no use for two."""


class Predictor:
    """Loads the model (and the shadow, where one is set) and predicts, ``at_once`` inferences at most. Thread-safe.

    Raises ModelError where a model cannot be used.
    """

    def __init__(self, settings: ModelSettings, at_once: int = 1) -> None:
        self.settings = settings
        self._turns = threading.BoundedSemaphore(at_once)
        self._pool = ThreadPoolExecutor(at_once, "aurorad-predict") if at_once > 1 else None
        self.model = _load(settings.path or card.SHIPPED, settings)
        self.shadow = _load(settings.shadow, settings) if settings.shadow else None

    def predict(self, squares: Sequence[Picture]) -> Iterator[Prediction]:
        """One Prediction for each masked square (240, 240, 3), in order. With several at once the later ones are made
        while the first are used.
        """
        if self._pool is None:
            return iter(self._ask(self.model, squares))
        some = _PASS[self.model.device]
        parts = [squares[start : start + some] for start in range(0, len(squares), some)]
        return chain.from_iterable(self._pool.map(partial(self._ask, self.model), parts))

    def predict_shadow(
        self, squares: Sequence[Picture], failed: Callable[[ModelError], None]
    ) -> Sequence[float | None]:
        """The candidate's calibrated probabilities; None of each where there is no candidate, or where it failed:
        that costs its own figure, not the night.
        """
        if self.shadow is not None:
            try:
                return [prediction.calibrated_probability for prediction in self._ask(self.shadow, squares)]
            except ModelError as error:
                failed(error)
        return [None] * len(squares)

    def threshold(self, sky: SkyState) -> float:
        """The calibrated probability from which a frame under this sky counts as aurora."""
        return self.model.card.threshold(sky.twilight, sky.moonlight)

    def _ask(self, model: runtime.Model, squares: Sequence[Picture]) -> list[Prediction]:
        if not squares:
            return []
        with self._turns:
            try:
                answers = model.predict(np.stack(squares))
            except card.ModelError as error:
                raise ModelError(str(error)) from error
        return [
            Prediction(
                logits=answer.logits,
                # Four decimals are what the record keeps; deciding on the same figure makes a
                # replay of the record decide the same.
                probability=round(answer.probability, 4),
                calibrated_probability=round(answer.calibrated_probability, 4),
                clear_probability=round(answer.clear_probability, 4),
                heatmap=answer.heatmap,
                model_sha256=model.sha256,
                doubted=answer.doubted,
                **_description(answer, model.card),
            )
            for answer in answers
        ]


def _description(answer: runtime.Answer, about: card.Card) -> dict[str, Any]:
    """The aurora mask and the forms present by the card's thresholds; nothing from a model without them."""
    found: dict[str, Any] = {}
    if answer.mask is not None and about.mask_threshold is not None:
        found["mask"] = answer.mask >= about.mask_threshold
    if answer.forms is not None:
        held = {name: round(float(p), 2) for name, p in zip(FORMS, answer.forms, strict=True)}
        limits = about.form_thresholds
        found["form_probabilities"] = held
        found["forms"] = tuple(name for name, p in held.items() if p >= limits.get(name, 0.5))
    return found


def _load(path: Path, settings: ModelSettings) -> runtime.Model:
    try:
        return runtime.load(path, runtime=settings.runtime, device=settings.device, threads=settings.threads)
    except card.ModelError as error:
        raise ModelError(str(error)) from error
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise ModelError(
            f"the model {str(path)[:200]} cannot be read ({why}); name another in [model]"
        ) from error
