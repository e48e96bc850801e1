"""The whole daemon with its neighbours: a feed every six seconds, a real Prometheus, a real Datasette."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.alert.push import Push
from daemon.clock import FastClock
from daemon.config import CameraSettings, DaemonSettings, ModelSettings, Settings, SourceSettings
from daemon.observation import from_utc_text
from daemon.record.progress import Morning
from daemon.service import serving
from daemon.subscribers import Subscriber, Subscribers
from tests.faults.harness import (
    NIGHT,
    Sky,
    Watch,
    aurorad,
    green_model,
    rows,
    soon,
    spells,
    watching,
    write_config,
)
from training.simulator.http import Server
from training.simulator.site import PUBLISHED_AFTER, Site


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return green_model(tmp_path_factory.mktemp("green"))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_every_published_still_is_a_row_within_two_seconds(tmp_path: Path, green: Path) -> None:
    """A hundred stills at six seconds in real time, stamps read by tesseract: none missed, p99 ≤ 2 s."""
    clock = FastClock(NIGHT, 1.0)
    committed: dict[datetime, datetime] = {}
    with Server(Site(Sky(stamped=True), clock)) as server:
        source = SourceSettings(url=f"{server.address}/recent/recent_720p.jpg", movie_url="")
        settings = Settings(
            daemon=DaemonSettings(state_dir=tmp_path, port=0, min_free_mb=1),
            model=ModelSettings(path=green, device="cpu"),
            camera=(CameraSettings(cadence_s=6.0, source=source),),
        )
        with serving(settings, None, clock) as service:
            record = service.store.record

            def timed(observation: Any, **rest: Any) -> bool:
                new = record(observation, **rest)
                committed.setdefault(observation.observed_at, clock.now())
                return new

            service.store.record = timed  # type: ignore[method-assign]
            soon(lambda: len(committed) >= 103, "a hundred stills", 900)
    settled = sorted(committed.items())[3:]  # the first looks fall in step with the feed
    delays_s = [(at - shown - PUBLISHED_AFTER).total_seconds() for shown, at in settled]
    print(f"{len(delays_s)} stills: p50 {np.median(delays_s):.2f} s, p99 {np.quantile(delays_s, 0.99):.2f} s")
    assert {(b - a).total_seconds() for (a, _), (b, _) in itertools.pairwise(settled)} == {6.0}
    assert np.quantile(delays_s, 0.99) <= 2.0


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory, green: Path) -> Iterator[Watch]:
    with watching(tmp_path_factory.mktemp("watch"), green, {"cam": Sky(spells(30, 8))}) as it:
        it.wait(lambda: len(it.judged("cam")) > 3, "the first frames")
        yield it


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_a_real_prometheus_scrapes_it_and_promtool_is_silent(watch: Watch, tmp_path: Path) -> None:
    """The target is up, the series are there, and promtool finds nothing to say."""
    page = get(f"{watch.service.server.url}/metrics")
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "scrape_configs:\n- job_name: aurorad\n  scrape_interval: 1s\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{watch.service.server.port}']\n"
    )
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with ExitStack() as stack:
        run = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        stack.callback(run.terminate)

        def seen(query: str) -> list[Any]:
            try:
                answer = json.loads(get(f"http://127.0.0.1:{port}/api/v1/query?query={query}"))
            except OSError:
                return []
            found: list[Any] = answer["data"]["result"]
            return found

        soon(lambda: [r for r in seen("up") if r["value"][1] == "1"], "the target is up")
        soon(lambda: seen("sum(aurorad_observations_total)>0"), "observations are counted")


def test_datasette_opens_the_record_and_shows_events(watch: Watch) -> None:
    """While the daemon writes, Datasette reads: the spell is a row of its events page."""
    watch.wait(lambda: watch.rows("SELECT id FROM events"), "a spell", cadences=40)
    port = free_port()
    command = [sys.executable, "-m", "datasette", str(watch.database), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            address = f"http://127.0.0.1:{port}/aurorad/events.json?_shape=array"

            def events() -> list[dict[str, Any]]:
                try:
                    return list(json.loads(get(address)))
                except OSError:
                    return []

            soon(events, "Datasette answers")
            assert events()[0]["id"].startswith("cam-")
        finally:
            run.terminate()


def test_sighup_takes_a_new_camera_and_refuses_nonsense_and_sigterm_drains(
    tmp_path: Path, green: Path
) -> None:
    """A new configuration holds from the next look; one that cannot be used leaves the old; the end is quick."""
    with Server(Site(Sky(lambda at: True, step_s=1.0))) as server:
        still = f"{server.address}/recent/recent_480p.jpg"
        config = write_config(tmp_path / "a.toml", model=green, url=still, inbox="json://127.0.0.1:9/")
        database = tmp_path / "state/aurorad.db"
        log = tmp_path / "log"
        run = aurorad(config, log)
        try:
            soon(lambda: database.exists() and rows(database, "SELECT 1 FROM observations"), "first frame")
            good = config.read_text(encoding="utf-8")
            config.write_text(good + "\n[nonsense]\n", encoding="utf-8")
            run.send_signal(signal.SIGHUP)
            soon(lambda: "unknown key `nonsense`" in log.read_text(), "nonsense is refused")
            config.write_text(good.replace('name = "cam"', 'name = "second"'), encoding="utf-8")
            run.send_signal(signal.SIGHUP)
            soon(lambda: rows(database, "SELECT 1 FROM observations WHERE camera = 'second'"), "the new name")
        finally:
            asked = time.monotonic()
            run.terminate()
            assert run.wait(30) == 0
        assert time.monotonic() - asked < 15
        assert "Traceback" not in log.read_text()


def test_a_row_says_when_it_was_seen_fetched_and_written(watch: Watch) -> None:
    """Three times, in that order."""
    found = watch.rows(
        "SELECT observed_at, fetched_at, recorded_at FROM observations WHERE probability IS NOT NULL"
    )
    assert found
    for row in found:
        seen, fetched, recorded = (
            from_utc_text(row[k]) for k in ("observed_at", "fetched_at", "recorded_at")
        )
        assert seen <= fetched <= recorded


def test_a_new_watch_has_time_for_its_first_look(watch: Watch) -> None:
    """After a reload nobody has looked yet: no sign of trouble, however long ago the daemon was started."""
    service, before = watch.service, watch.service.watches
    push = Push(service.settings, service.store, service.clock, service.subscribers)
    fresh = service._watch(service.settings.camera[0], service.settings, service.conditions, push)
    watch.wait(
        lambda: watch.clock.now() - before["cam"].began > fresh.patience(), "it has run for a while", 5
    )
    fresh.began = watch.clock.now()
    service.watches = {"cam": fresh}
    try:
        assert service.healthy()[0]
    finally:
        service.watches = before


def test_a_stop_is_no_crash_of_what_the_morning_reads(tmp_path: Path, green: Path) -> None:
    """Before the record is closed it says so: three such starts would leave the night out."""
    with watching(tmp_path, green, {"cam": Sky()}) as watch:
        reading = Morning(done="2024-02-09", reading="2024-02-10", begun=1)
        watch.service.store.progress.put_morning("cam", reading)
        watch.service.nightlies["cam"]._reading = reading
        database = watch.database
    assert rows(database, "SELECT done, begun FROM mornings") == [{"done": "2024-02-09", "begun": 0}]


def test_a_reload_loses_no_phone(watch: Watch) -> None:
    """A message still under way over the old watch is noted in the file that the page of the new one writes to."""
    service = watch.service
    after = service._build(service.settings, service.predictor).app.state.site.ports.push
    before = service.page.app.state.site.ports.push
    phones = [Subscriber(f"https://push.example/{name}", "key", "auth") for name in "abc"]
    before.subscribers.put(phones[0])
    after.subscribers.put(phones[1])
    before.subscribers.settle("event/onset", [phones[0].endpoint])
    after.subscribers.put(phones[2])
    kept = Subscribers.kept_in(service.settings.daemon.state_dir)
    try:
        assert [one.endpoint for one in kept.all()] == [one.endpoint for one in phones]
        assert kept.all()[0].has == ("event/onset",)
    finally:
        for one in phones:
            after.subscribers.remove(one.endpoint)
