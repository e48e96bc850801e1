"""What an operator must know is told once when it begins and once when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.alert.conditions import Conditions
from daemon.config import NotifySettings
from daemon.errors import StoreError
from daemon.record.store import Reader, Store
from tests.conftest import SetClock

CHANNELS = (
    NotifySettings(name="people", url="json://127.0.0.1:9/", audience="aurora"),
    NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator"),
    NotifySettings(name="other", url="json://127.0.0.1:9/", audience="operator", cameras=("elsewhere",)),
)


def messages(path: Path) -> list[tuple[str, str]]:
    with Reader(path) as reader:
        return sorted((m["channel"], m["body"].splitlines()[0]) for m in reader.messages())


def test_a_condition_is_told_once_to_the_operator_and_its_end_once(
    tmp_path: Path, night_clock: SetClock
) -> None:
    """Not to people waiting for aurora, not for other cameras, not twice."""
    with Store(tmp_path / "a.db") as store:
        conditions = Conditions(store, CHANNELS, night_clock)
        for _ in range(3):
            conditions.begin("feed stale", "yellowknife", "the feed stands still")
        assert messages(store.path) == [("owner", "The feed stands still.")]
        night_clock.move(600)
        for _ in range(2):
            conditions.end("feed stale", "yellowknife", "the feed is back")
        assert messages(store.path) == [("owner", "The feed is back."), ("owner", "The feed stands still.")]


def test_a_restart_in_the_middle_tells_nobody_again(tmp_path: Path, night_clock: SetClock) -> None:
    """Open conditions outlive the process."""
    with Store(tmp_path / "a.db") as store:
        Conditions(store, CHANNELS, night_clock).begin("disk low", "", "only 3 MB free")
    with Store(tmp_path / "a.db") as store:
        again = Conditions(store, CHANNELS, night_clock)
        assert list(again.open) == ["aurorad-disk-low"]
        again.begin("disk low", "", "only 3 MB free")
        assert messages(store.path) == [("other", "Only 3 MB free."), ("owner", "Only 3 MB free.")]


def test_what_cannot_be_written_down_is_told_as_soon_as_it_can(tmp_path: Path, night_clock: SetClock) -> None:
    """A record that could not be written while the condition held costs the operator no word of it."""
    with Store(tmp_path / "a.db", now=night_clock.now) as store:
        conditions = Conditions(store, CHANNELS[1:2], night_clock)
        store._db.execute("PRAGMA query_only = ON")
        for _ in range(2):
            with pytest.raises(StoreError):
                conditions.begin("record", "", "the record cannot be written")
        assert not conditions.open
        night_clock.move(600)
        store._db.execute("PRAGMA query_only = OFF")
        conditions.end("record", "", "the record can be written again")
        conditions.end("record", "", "the record can be written again")
        assert messages(store.path) == [
            ("owner", "The record can be written again."),
            ("owner", "The record cannot be written."),
        ]
