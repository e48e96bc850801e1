"""The unit in a booted Debian, installed by deploy/install.sh, watching the stand-in site.

    make soak ARGS=tests/deploy/test_deploy_systemd.py

The tests build on one machine and go in order. WatchdogSec is shorter than the shipped unit's three
minutes, and the cadence is 6 s, so that a hang costs seconds; nothing else of the unit is changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from machine import Machine, installed, missing, model, now, throw_away, until
from site_now import camera_table

HERE = Path(__file__).parent
SITE_PORT = 18081
WATCHDOG_S = 20

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A Debian that has just booted, with aurorad installed and enabled and the site beside it."""
    if (why := missing("debootstrap", "systemd-nspawn", "nsenter")) is not None:
        pytest.skip(why)
    root = installed()
    try:
        _prepare(root)
        with Machine(root) as booted:
            yield booted
    finally:
        throw_away(root)


def _prepare(root: Path) -> None:
    for file in (model(), model().with_suffix(".json")):
        shutil.copy2(file, root / "srv" / file.name)
    (root / "etc/aurorad/credentials/phone").write_text("json://127.0.0.1:9/\n")
    (root / "etc/aurorad/aurorad.toml").write_text(
        f'[model]\npath = "/srv/{model().name}"\n'
        + camera_table(now(), SITE_PORT)
        + '[[notify]]\nname = "phone"\nurl = "credential:phone"\naudience = "both"\n'
    )
    drop_in = root / "etc/systemd/system/aurorad.service.d/test.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\nWatchdogSec={WATCHDOG_S}\n")
    site = root / "etc/systemd/system/site.service"
    site.write_text(
        "[Service]\nExecStart=/opt/aurorad/current/bin/python "
        f"/srv/aurorad/tests/deploy/site_now.py {SITE_PORT}\nNice=5\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    wants = root / "etc/systemd/system/multi-user.target.wants"
    (wants / "site.service").symlink_to("/etc/systemd/system/site.service")


def test_watches_from_boot_on(machine: Machine) -> None:
    """Enabled, it starts with the machine, as nobody, and puts one frame after another in the record."""
    until(lambda: machine.rows() >= 3 or None, 180, "three frames in the record", 1)
    assert machine.unit("ActiveState") == "active"
    assert machine.unit("NRestarts") == "0"
    pid = machine.main_pid()
    assert pid is not None
    status = Path(f"/proc/{pid}/status").read_text()
    assert "\nUid:\t0\t" not in status
    assert "\nNoNewPrivs:\t1" in status
    assert "\nCapEff:\t0000000000000000" in status
    assert "\nSeccomp:\t2" in status
    assert "watching midnight" in machine.journal()
    assert "ERROR" not in machine.journal()


def test_state_is_its_own(machine: Machine) -> None:
    """Only root and the unit's passing user can read the record and the secrets."""
    modes = machine.ask("stat", "-c", "%a", "/var/lib/private/aurorad", "/etc/aurorad/credentials").split()
    assert modes == ["750", "700"]
    assert machine.ask("stat", "-c", "%a", "/var/lib/aurorad/aurorad.db").strip() == "600"


def test_a_hung_pipeline_is_restarted_by_the_watchdog(machine: Machine, figures: dict[str, float]) -> None:
    """One thread has stopped, all others go on, the page answers: within a minute it is watching again.

    The thread is known by the Tesseract it starts, as it does where tesserocr has no wheel.
    """
    machine.ask("sh", "-c", "rm -r /opt/aurorad/current/lib/python3*/site-packages/tesserocr*")
    machine.ask("systemctl", "restart", "aurorad")
    machine.watching_again(60)
    pid, since = machine.main_pid(), machine.cursor()
    assert pid is not None
    with subprocess.Popen(
        [sys.executable, HERE / "freeze.py", str(pid)], stdout=subprocess.PIPE, text=True
    ) as freezer:
        assert freezer.stdout is not None
        assert freezer.stdout.readline().strip().isdigit()
        began = time.monotonic()
        assert "aurorad_build_info" in machine.get("/metrics")  # alive, but not watching
        until(lambda: "no progress" in machine.get("/-/healthy") or None, 90, "unhealthy", 0.5)
        figures["hung: unhealthy after"] = time.monotonic() - began
        until(lambda: machine.main_pid() not in (None, pid) or None, 120, "another process", 0.5)
        figures["hung: restarted by the watchdog after"] = time.monotonic() - began
        machine.watching_again(60)
        figures["hung: a frame in the record again after"] = time.monotonic() - began
        assert freezer.wait(30) == 0
    log = machine.journal(since)
    assert "Watchdog timeout" in log
    assert "Fatal Python error: Aborted" in log  # and where every thread stood
    assert "live.py" in log


def test_a_crash_comes_back(machine: Machine, figures: dict[str, float]) -> None:
    """Killed without warning, it is watching again within half a minute, and no row is there twice."""
    pid = machine.main_pid()
    assert pid is not None
    began = time.monotonic()
    subprocess.run(["kill", "-s", "KILL", str(pid)], check=True)
    until(lambda: machine.main_pid() not in (None, pid) or None, 60, "another process")
    figures["killed: active again after"] = time.monotonic() - began
    machine.watching_again(60)
    figures["killed: a frame in the record again after"] = time.monotonic() - began
    assert figures["killed: a frame in the record again after"] < 30 + 2 * 6


def test_a_nonsense_configuration_is_refused_on_reload(machine: Machine) -> None:
    """The log names what is wrong and the watch goes on with the old one; mended, it is taken over."""
    pid, config = machine.main_pid(), machine.root / "etc/aurorad/aurorad.toml"
    good = config.read_text()
    try:
        config.write_text(good.replace("[model]", "[modle]"))
        assert machine.ask("systemctl", "reload", "aurorad") == ""
        until(lambda: "unknown key `modle`" in machine.journal() or None, 30, "a line naming the key")
        machine.watching_again(60)
    finally:
        config.write_text(good)
    assert machine.main_pid() == pid
    assert machine.ask("systemctl", "reload", "aurorad") == ""
    until(lambda: "reloaded: model" in machine.journal() or None, 30, "reloaded")
    machine.watching_again(60)
    assert machine.main_pid() == pid


def test_the_gpu_drop_in_starts_where_there_is_no_gpu(machine: Machine) -> None:
    """The drop-in opens no more than it says, and a machine whose GPU is gone still watches."""
    drop_in = machine.root / "etc/systemd/system/aurorad.service.d/gpu.conf"
    shutil.copy2(machine.root / "srv/aurorad/deploy/aurorad-gpu.conf", drop_in)
    try:
        machine.ask("systemctl", "daemon-reload")
        assert machine.ask("systemctl", "restart", "aurorad") == ""
        assert machine.unit("MemoryDenyWriteExecute") == "no"
        assert machine.unit("CapabilityBoundingSet") == ""
        machine.watching_again(90)
    finally:
        drop_in.unlink()
        machine.ask("systemctl", "daemon-reload")
        machine.ask("systemctl", "restart", "aurorad")


def test_stop_drains(machine: Machine, figures: dict[str, float]) -> None:
    """`systemctl stop` ends it cleanly in under ten seconds, ten times, at any moment of a look."""
    longest_s = 0.0
    for moment in range(10):
        machine.ask("systemctl", "start", "aurorad")
        until(lambda: machine.metric("aurorad_observations_total") > 0 or None, 60, "it watches")
        time.sleep(0.7 * moment)
        began = time.monotonic()
        machine.ask("systemctl", "stop", "aurorad")
        longest_s = max(longest_s, time.monotonic() - began)
        assert machine.unit("Result") == "success"
        assert machine.unit("ExecMainStatus") == "0"
    figures["stop, the longest of ten"] = longest_s
    assert longest_s < 10
    code = (
        "import sqlite3; c = sqlite3.connect('/var/lib/aurorad/aurorad.db'); "
        "print(c.execute('pragma integrity_check').fetchone()[0], "
        "c.execute('select count(*) - count(distinct camera || observed_at) from observations').fetchone()[0])"
    )
    assert machine.ask("python3", "-c", code).split() == ["ok", "0"]


def test_an_upgrade_keeps_configuration_and_record(machine: Machine) -> None:
    """install.sh again: the record is backed up first, the configuration stays, and it watches on."""
    config = machine.root / "etc/aurorad/aurorad.toml"
    before, had = config.read_text(), machine.rows()
    machine.ask("systemctl", "start", "aurorad")
    said = machine.ask(
        *("env", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", "/srv/aurorad/deploy/install.sh"), timeout_s=1200
    )
    assert "aurorad is watching" in said
    assert config.read_text() == before
    assert len(list((machine.root / "opt/aurorad/releases").iterdir())) == 2
    assert len(list((machine.root / "var/backups/aurorad").glob("*.db"))) == 1
    machine.watching_again(90)
    assert machine.rows() > had
