"""Labels, the queues that ask for them, and the pictures they keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.errors import StoreError
from daemon.record.store import Reader, Store
from tests.daemon.record.made import NIGHT, T0, observation


def test_labels_carry_what_the_model_had_said_and_can_be_undone(store: Store, path: Path) -> None:
    """Who, when, which model and what it had said; the newest valid label counts."""
    store.record(observation(), night=NIGHT)
    first = store.add_label("yellowknife", T0, "none", "anna", queue="random")
    store.add_label("yellowknife", T0, "aurora", "björn")
    with Reader(path) as reader:
        [label] = reader.labels()
        assert (label["label"], label["labelled_by"], label["model_sha256"]) == ("aurora", "björn", "ab" * 32)
        assert (label["model_probability"], label["model_verdict"]) == (0.8, "aurora")
        assert label["labelled_at"] == "2024-02-10T04:55:03Z"
        assert len(reader.labels(undone=True)) == 2
    assert store.undo_label(label["id"])
    assert not store.undo_label(label["id"])
    assert not store.undo_label(999)
    with Reader(path) as reader:
        assert [row["id"] for row in reader.labels()] == [first]
        assert reader.label_counts() == {"aurora": 0, "none": 1, "obscured": 0}
    with pytest.raises(StoreError, match="'maybe' is no label; use one of aurora, none, obscured"):
        store.add_label("yellowknife", T0, "maybe", "anna")


def test_a_label_of_the_frame_outranks_a_judgement_of_its_spell(store: Store, path: Path) -> None:
    """ "Was this right?" labels the peak's frame only where nobody looked at that very frame."""
    store.record(observation(), night=NIGHT)
    judged = store.add_label("yellowknife", T0, "none", "page", queue="event", event_id="e1")
    with Reader(path) as reader:
        assert [row["id"] for row in reader.labels()] == [judged]
        assert (reader.labels()[0]["night"], reader.labels()[0]["twilight"]) == (NIGHT.isoformat(), "night")
    own = store.add_label("yellowknife", T0, "obscured", "anna", queue="random")
    store.add_label("yellowknife", T0, "none", "page", queue="event", event_id="e1")
    with Reader(path) as reader:
        assert [row["id"] for row in reader.labels()] == [own]


def test_the_label_queue_asks_for_what_is_worth_most(store: Store, path: Path) -> None:
    """Uncertain first, or most disputed first, or a repeatable sample; labelled frames leave."""
    said = observation().prediction
    assert said is not None
    for minute, (probability, level) in enumerate([(0.1, 0), (0.5, 2), (0.95, 0), (0.45, 2)]):
        prediction = replace(said, calibrated_probability=probability)
        sky = replace(observation().sky, moonlight="none")
        store.record(observation(minute, prediction=prediction, colour_level=level, sky=sky), night=NIGHT)
    store.record(observation(9, picture=None), night=NIGHT)
    with Reader(path) as reader:
        doubt = [row["observed_at"][14:16] for row in reader.label_queue("uncertainty")]
        assert doubt == ["51", "53", "50", "52"]
        assert reader.label_queue("disagreement")[0]["observed_at"][14:16] == "52"
        assert len(reader.label_queue("night", night=NIGHT)) == 4
        sample = reader.label_queue("random", seed=7)
        assert len(sample) == 2
        assert reader.label_queue("random", seed=7) == sample
    store.add_label("yellowknife", T0 + timedelta(minutes=1), "aurora", "anna")
    with Reader(path) as reader:
        assert reader.label_queue("uncertainty", limit=1)[0]["observed_at"][14:16] == "53"
    store.add_label("yellowknife", T0 + timedelta(minutes=3), "none", "page", queue="event", event_id="e1")
    with Reader(path) as reader:
        assert reader.label_queue("uncertainty", limit=1)[0]["observed_at"][14:16] == "53"


def test_pictures_are_forgotten_with_their_files(store: Store, path: Path) -> None:
    """Retention removes old pictures' files and paths and touches no observation."""
    for minute in range(4):
        store.record(observation(minute), night=NIGHT)
    gone: list[str] = []
    assert store.prune_pictures(T0 + timedelta(minutes=2), gone.append) == 2
    assert gone == ["yellowknife/2024-02-10/0.jpg", "yellowknife/2024-02-10/1.jpg"]
    with Reader(path) as reader:
        assert [row["picture"] is None for row in reader.night("yellowknife", NIGHT)] == [
            True,
            True,
            False,
            False,
        ]


def test_a_labelled_picture_stays(store: Store, path: Path) -> None:
    """The next model learns from it, however old; a label taken back lets it go."""
    for minute in range(2):
        store.record(observation(minute), night=NIGHT)
    label = store.add_label("yellowknife", T0, "aurora", "anna")
    gone: list[str] = []
    assert store.prune_pictures(T0 + timedelta(days=900), gone.append) == 1
    assert store.labelled_pictures() == {"yellowknife/2024-02-10/0.jpg"}
    store.undo_label(label)
    assert store.labelled_pictures() == set()
    assert store.prune_pictures(T0 + timedelta(days=900), gone.append) == 1
    assert gone == ["yellowknife/2024-02-10/1.jpg", "yellowknife/2024-02-10/0.jpg"]
