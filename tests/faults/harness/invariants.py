"""What must hold after every fault."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.errors import StoreError
from daemon.record.store import Reader
from tests.faults.harness.inbox import Inbox
from tests.faults.harness.sky import NIGHT

if TYPE_CHECKING:
    from tests.faults.harness.watch import Watch


def rows(database: Path, sql: str, *values: object) -> list[dict[str, Any]]:
    """A query, read-only; a database that is being written or mended at this moment is asked again."""
    for tries in range(20):
        try:
            with Reader(database) as reader:
                return reader.query(sql, values)
        except StoreError:
            if tries == 19:
                raise
            time.sleep(0.1)
    return []


class Snapshot:
    """The record at one instant, however much is written meanwhile."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(
            f"file:{database}?mode=ro", uri=True, isolation_level=None, timeout=30
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("BEGIN")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """A query's rows."""
        return [dict(row) for row in self._connection.execute(sql)]

    def close(self) -> None:
        """Let go."""
        self._connection.close()


@dataclass
class Promises:
    """What :func:`check` compares the record with. ``crashes`` is how often the daemon was killed."""

    inboxes: dict[str, Inbox] = field(default_factory=dict)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    channels: Sequence[str] = ("people",)
    crashes: int = 0
    alerts: bool = True


def check(database: Path, promises: Promises) -> Counter[str]:
    """The invariants of the record after a fault; returns what was counted. Fails where one is broken.

    * SQLite finds the file whole, and each night's sum is that of its rows;
    * every acknowledged observation is there, once;
    * every event has the observations of its onset and its confirmation, and nothing ended before;
    * every event that people are told of has its outbox row for every change and channel;
    * whatever arrived is recorded, and arrived once, but for one repeat a crash.
    """
    before = {channel: list(inbox.got) for channel, inbox in promises.inboxes.items()}
    snapshot = Snapshot(database)
    held = {(r["camera"], r["observed_at"]): r for r in snapshot.rows("SELECT * FROM observations")}
    assert promises.acknowledged <= held.keys(), "acknowledged observations are lost"
    assert snapshot.rows("PRAGMA integrity_check(1)")[0]["integrity_check"] == "ok"
    count = snapshot.rows("SELECT count(*) AS n FROM observations")[0]["n"]
    assert count == len(held), "an observation is there twice"
    summed = snapshot.rows("SELECT sum(observations) AS n, sum(aurora) AS a FROM nights")[0]
    assert (summed["n"] or 0) == len(held), "the nights' sums are not those of the rows"
    assert (summed["a"] or 0) == sum(r["verdict"] == "aurora" for r in held.values())

    events = snapshot.rows("SELECT * FROM events ORDER BY onset_at")
    told = {(m["event_id"], m["kind"], m["channel"]): m for m in snapshot.rows("SELECT * FROM outbox")}
    snapshot.close()
    for event in events:
        for moment in ("onset_at", "confirmed_at", "strong_at", "peak_at"):
            at = event[moment]
            assert at is None or (event["camera"], at) in held, f"{event['id']} has no observation {moment}"
        if event["in_cool_down"] or not promises.alerts:
            continue
        kinds = ["onset"] + (["over"] if event["ended_at"] else [])
        for channel in promises.channels:
            for kind in kinds:
                assert (event["id"], kind, channel) in told, f"{event['id']}: no {kind} for {channel}"

    repeats = 0
    for channel, inbox in promises.inboxes.items():
        recorded = {(m["event_id"], m["title"]) for key, m in told.items() if key[2] == channel}
        early = Counter((mail.event_id, mail.title) for mail in before[channel])
        assert early.keys() <= recorded, f"{channel}: something arrived that is not recorded"
        arrived = Counter((mail.event_id, mail.title) for mail in inbox.got)
        repeats += sum(arrived.values()) - len(arrived)
        for (event_id, _, to), message in told.items():
            if to == channel and message["delivered_at"]:
                assert (event_id, message["title"]) in arrived, f"{event_id}: delivered to nobody"
    assert repeats <= promises.crashes * max(1, len(promises.inboxes)), f"{repeats} repeats"
    return Counter(observations=len(held), events=len(events), messages=len(told), repeats=repeats)


def check_watch(watch: Watch, **promises: Any) -> Counter[str]:
    """The invariants of a running watch; its own count of observations is what it acknowledged."""
    aurora = [c.name for c in watch.service.settings.notify if c.audience != "operator"]
    watch.service.store.known("", NIGHT)  # one turn of the writer's lock: what is counted is committed
    return Counter(check(watch.database, Promises(watch.inboxes, channels=aurora, **promises)))
