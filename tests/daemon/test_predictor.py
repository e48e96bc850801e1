"""Inferences at once: one while watching, several of an archive's frames, in order either way."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
import pytest

from daemon.config import ModelSettings
from daemon.errors import ModelError
from daemon.observation import Picture
from daemon.predictor import Predictor
from models.engine import Engine
from tests.pace import slowness


@pytest.fixture(scope="module")
def squares() -> list[Picture]:
    """Seven frames, each of another brightness."""
    rng = np.random.default_rng(4)
    return [rng.integers(0, 40 + 30 * k, (240, 240, 3)).astype(np.uint8) for k in range(7)]


class Meeting:
    """The engine, which counts how many are in it; the first ``of`` calls wait for each other."""

    device = "cpu"

    def __init__(self, engine: Engine, of: int) -> None:
        self._engine, self.most, self._inside, self._calls = engine, 0, 0, 0
        self._counting = threading.Lock()
        self._met = threading.Barrier(of)

    def run(self, tensor: np.ndarray) -> Mapping[str, np.ndarray]:
        """As the engine's own."""
        with self._counting:
            self._inside += 1
            self._calls += 1
            self.most = max(self.most, self._inside)
            first = self._calls <= self._met.parties
        if first:
            self._met.wait(60 * slowness())
        try:
            return self._engine.run(tensor)
        finally:
            with self._counting:
                self._inside -= 1


def test_an_archive_s_frames_are_predicted_two_at_once_and_come_in_order(squares: list[Picture]) -> None:
    """Two inferences meet in the engine, and the answers are those of one after the other."""
    one, two = Predictor(ModelSettings()), Predictor(ModelSettings(), at_once=2)
    meeting = Meeting(two.model._engine, of=2)
    two.model._engine = meeting
    found, wanted = list(two.predict(squares)), list(one.predict(squares))
    assert meeting.most == 2
    assert len(found) == len(squares)
    for a, b in zip(found, wanted, strict=True):
        assert a.calibrated_probability == pytest.approx(b.calibrated_probability, abs=1e-3)
        assert np.allclose(a.logits, b.logits, atol=1e-3)
    assert len({tuple(one.logits) for one in wanted}) == len(squares)


def test_while_watching_one_inference_runs_at_a_time(squares: list[Picture]) -> None:
    """Six cameras ask at once: their turns come one after the other."""
    predictor = Predictor(ModelSettings())
    meeting = Meeting(predictor.model._engine, of=1)
    predictor.model._engine = meeting
    cameras = [threading.Thread(target=predictor.predict, args=(squares[:2],)) for _ in range(6)]
    for camera in cameras:
        camera.start()
    for camera in cameras:
        camera.join(60 * slowness())
    assert not any(camera.is_alive() for camera in cameras)
    assert meeting.most == 1


def test_a_model_that_fails_says_so_where_its_answers_are_taken(squares: list[Picture]) -> None:
    """Of several at once too: the error comes to whoever takes the answers, and nothing hangs."""

    class Broken:
        device = "cpu"

        def run(self, tensor: np.ndarray) -> Mapping[str, np.ndarray]:
            return {"logits": np.full((len(tensor), 2), np.nan), "maps": np.zeros((len(tensor), 2, 8, 8))}

    predictor = Predictor(ModelSettings(), at_once=2)
    predictor.model._engine = Broken()  # type: ignore[assignment]
    with pytest.raises(ModelError, match="not numbers"):
        list(predictor.predict(squares))


def test_no_frames_no_answers() -> None:
    assert list(Predictor(ModelSettings(), at_once=2).predict([])) == []
    assert list(Predictor(ModelSettings()).predict([])) == []
