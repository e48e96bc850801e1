"""kill -9 at random instants, over and over: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import StoreError
from daemon.record.store import Reader
from tests.faults.conftest import Entry
from tests.faults.harness import (
    Inbox,
    Promises,
    Sky,
    aurorad,
    check,
    rows,
    soon,
    spells,
    unexpected,
    write_config,
)
from training.simulator.http import Server
from training.simulator.site import Site

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Witness:
    """Reads the record all the while: what it has seen once is acknowledged, and must stay."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.seen: set[tuple[str, str]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.03):
            try:
                with Reader(self.database) as reader:
                    found = reader.query("SELECT camera, observed_at FROM observations")
            except StoreError:  # not there yet, or just being mended after a kill
                continue
            self.seen |= {(row["camera"], row["observed_at"]) for row in found}

    def stop(self) -> set[tuple[str, str]]:
        """Stop looking; everything seen."""
        self._over.set()
        self._thread.join()
        return self.seen


@contextmanager
def footage(folder: Path, green: Path) -> Iterator[tuple[Path, Inbox]]:
    """A feed with four seconds of aurora in every nine, a configuration, somebody who is told."""
    sky = Sky(
        spells(0.15, 0.07, LONG_AGO), begins=LONG_AGO, ends=datetime(2100, 1, 1, tzinfo=UTC), step_s=1.0
    )
    inbox = Inbox()
    with Server(Site(sky)) as server:
        url = f"{server.address}/recent/recent_480p.jpg"
        yield write_config(folder / "a.toml", model=green, url=url, inbox=inbox.url), inbox
    inbox.close()


def settle(database: Path, inbox: Inbox, crashes: int, seen: set[tuple[str, str]], log: Path) -> Counter[str]:
    """The invariants after the last life, and no trace of a program that did not expect its own end."""
    counted = check(database, Promises({"people": inbox}, seen, crashes=crashes))
    said = unexpected(log.read_text(errors="replace"))
    assert "Traceback" not in said, said[said.index("Traceback") :][:2000]
    assert not re.search(r"damaged|not recorded", said)
    return counted


def undelivered(database: Path) -> list[object]:
    sql = "SELECT 1 FROM outbox WHERE delivered_at IS NULL AND expired_at IS NULL"
    return list(rows(database, sql))


def test_twenty_kills(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """At any instant, from the making of the database on: 0 lost, 0 doubled, 0 unrecorded deliveries."""
    kills, chance = 20, random.Random(20)
    log, database = tmp_path / "log", tmp_path / "state/aurorad.db"
    with footage(tmp_path, green) as (config, inbox):
        lives = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.lives", str(config), str(log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        assert lives.stdin is not None
        assert lives.stdout is not None

        def life() -> int:
            assert lives.stdin is not None
            assert lives.stdout is not None
            print(file=lives.stdin, flush=True)
            return int(lives.stdout.readline())

        try:
            witness, backs = Witness(database), []
            for number in range(kills):
                child = life()
                if number % 4 == 3:  # every fourth is let live until it has written, so that time goes on
                    before, born = len(witness.seen), time.monotonic()
                    soon(lambda before=before: len(witness.seen) > before, "the watch is back", 60)  # type: ignore[misc]
                    backs.append(time.monotonic() - born)
                time.sleep(chance.uniform(0.0, 1.2))
                os.kill(child, signal.SIGKILL)
                assert lives.stdout.readline() == "dead\n"
            last = life()
            before = len(witness.seen)
            soon(lambda: len(witness.seen) > before and not undelivered(database), "all is delivered", 90)
            os.kill(last, signal.SIGTERM)
            assert lives.stdout.readline() == "dead\n"
            counted = settle(database, inbox, kills, witness.stop(), log)
        finally:
            lives.stdin.close()
            lives.wait(30)
            lives.stdout.close()
    assert counted["observations"] >= 5
    told(matrix, kills, counted, backs)


def told(matrix: Entry, kills: int, counted: Counter[str], backs_s: list[float]) -> None:
    matrix(
        "The machine",
        f"kill −9 at random instants, {kills} times",
        f"{counted['observations']} observations, {counted['events']} events, {counted['messages']} messages:"
        f" 0 lost, 0 doubled, 0 unrecorded deliveries, {counted['repeats']} repeated",
        f"{np.median(backs_s):.1f} s from start to the next row, {max(backs_s):.1f} s at most",
    )


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_kills_of_the_real_command(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """``aurorad run`` itself, killed 200 times from its first instants on."""
    kills, chance = int(os.environ.get("AURORAD_KILLS", "200")), random.Random(200)
    log, database = tmp_path / "log", tmp_path / "state/aurorad.db"
    with footage(tmp_path, green) as (config, inbox):
        witness, backs = Witness(database), []
        for _ in range(kills):
            process, born, before = aurorad(config, log), time.monotonic(), len(witness.seen)
            if chance.random() < 0.75:
                soon(lambda before=before: len(witness.seen) > before, "the watch is back", 120)  # type: ignore[misc]
                backs.append(time.monotonic() - born)
            time.sleep(chance.uniform(0.0, 2.0))
            process.kill()
            process.wait()
        started = log.read_text().count("page at")
        process = aurorad(config, log)
        soon(lambda: log.read_text().count("page at") > started, "it is up and hears signals", 120)
        before = len(witness.seen)
        soon(lambda: len(witness.seen) > before and not undelivered(database), "all is delivered", 120)
        process.terminate()
        assert process.wait(20) == 0
        counted = settle(database, inbox, kills, witness.stop(), log)
    assert counted["observations"] >= kills
    told(matrix, kills, counted, backs)
    print(
        f"{kills} kills: {dict(counted)}, back in {np.median(backs):.1f} s (median), {max(backs):.1f} s (most)"
    )
