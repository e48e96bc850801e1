"""From the first schema's release to this tree and back, with the record kept, as docs/deployment.md has it.

    make soak ARGS=tests/deploy/test_deploy_upgrade.py

The release before is a commit of this repository's history (AURORAD_DEPLOY_BEFORE names another), installed by its
own install.sh in a booted Debian. The tests build on one machine and go in order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.record.migrations import known_migrations

sys.path.insert(0, str(Path(__file__).parent))
from machine import (
    Machine,
    before,
    check_out,
    installed,
    missing,
    now,
    throw_away,
    until,
)
from site_now import camera_table

SITE_PORT = 18082
TIMES = "select observed_at from observations where probability is not null order by observed_at"
STEPS = "select name from _sqlite_migrations where migration_set = 'aurorad' order by id"
NEWER = "a newer aurorad wrote this database"

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def old_commit() -> str:
    commit = before()
    if commit is None:
        pytest.skip(
            "the history here has no commit with the first schema; AURORAD_DEPLOY_BEFORE can name one"
        )
    return commit


@pytest.fixture(scope="module")
def machine(old_commit: str) -> Iterator[Machine]:
    """A booted Debian in which the old release watches the stand-in site."""
    if (why := missing("debootstrap", "systemd-nspawn", "nsenter")) is not None:
        pytest.skip(why)
    root = installed(old_commit)
    try:
        (root / "etc/aurorad/aurorad.toml").write_text(camera_table(now(), SITE_PORT))
        (root / "etc/systemd/system/site.service").write_text(
            "[Service]\nExecStart=/opt/aurorad/current/bin/python "
            f"/srv/aurorad/tests/deploy/site_now.py {SITE_PORT}\nNice=5\n"
        )
        wants = root / "etc/systemd/system/multi-user.target.wants"
        (wants / "site.service").symlink_to("/etc/systemd/system/site.service")
        with Machine(root) as booted:
            yield booted
    finally:
        throw_away(root)


def releases(machine: Machine) -> list[Path]:
    """Where each installed release is, as the machine itself names it; the oldest first."""
    there = sorted((machine.root / "opt/aurorad/releases").iterdir())
    return [Path("/opt/aurorad/releases") / folder.name for folder in there]


def test_an_older_release_is_upgraded_with_its_record(machine: Machine, figures: dict[str, float]) -> None:
    """`git pull` and install.sh: every old row is in the new schema, none is there twice, and it watches on."""
    until(lambda: machine.rows() >= 3 or None, 180, "three frames in the old record", 1)
    assert machine.query(STEPS) == list(known_migrations()[:1])
    check_out(machine.root / "srv/aurorad")
    had = machine.query(TIMES)
    began = time.monotonic()
    told = machine.ask(
        *("env", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", "/srv/aurorad/deploy/install.sh"), timeout_s=1200
    )
    assert "aurorad is watching" in told, told
    figures["systemd: install.sh of the new release"] = time.monotonic() - began
    machine.watching_again(90)
    figures["systemd: a frame in the record again"] = time.monotonic() - began
    assert machine.query(STEPS) == list(known_migrations())
    times = machine.query(TIMES)
    assert set(had) <= set(times)
    assert len(set(times)) == len(times)
    assert len(list((machine.root / "var/backups/aurorad").glob("*.db"))) == 1


def test_the_old_release_refuses_the_new_record_and_leaves_it(machine: Machine) -> None:
    """Back without the restore: one line in the log, no traceback, and not a row is touched."""
    machine.ask("systemctl", "stop", "aurorad")
    had, since = machine.query(TIMES), machine.cursor()
    machine.ask("ln", "-sfn", str(releases(machine)[0]), "/opt/aurorad/current")
    machine.ask("systemctl", "start", "aurorad")
    until(lambda: NEWER in machine.journal(since) or None, 60, "the refusal in the log", 0.5)
    machine.ask("systemctl", "stop", "aurorad")
    assert "Traceback" not in machine.journal(since)
    assert machine.query(TIMES) == had


def test_back_to_the_old_release_with_the_backup(machine: Machine, figures: dict[str, float]) -> None:
    """The restore that the page names: the old release goes on, and the newer record lies beside its own."""
    began = time.monotonic()
    copy = next((machine.root / "var/backups/aurorad").glob("*.db")).name
    # By the newer release, as the page has it: it leaves the file to the service's own user.
    told = machine.ask(
        *(str(releases(machine)[-1] / "bin/aurorad"), "restore", f"/var/backups/aurorad/{copy}"),
        *("--db", "/var/lib/aurorad/aurorad.db"),
    )
    machine.ask("systemctl", "start", "aurorad")
    machine.watching_again(90)
    figures["systemd: back, a frame in the old record again"] = time.monotonic() - began
    assert machine.query(STEPS) == list(known_migrations()[:1]), told
    aside = list((machine.root / "var/lib/private/aurorad").glob("aurorad.db.before-*Z"))
    assert len(aside) == 1, told
    assert machine.unit("ActiveState") == "active"


def test_and_forward_again(machine: Machine) -> None:
    """The release that was left is still there: one link, a restart, and the record is brought up to date again."""
    had = machine.query(TIMES)
    machine.ask("ln", "-sfn", str(releases(machine)[-1]), "/opt/aurorad/current")
    machine.ask("systemctl", "restart", "aurorad")
    machine.watching_again(90)
    assert machine.query(STEPS) == list(known_migrations())
    assert set(had) <= set(machine.query(TIMES))
    assert "Traceback" not in machine.journal()
