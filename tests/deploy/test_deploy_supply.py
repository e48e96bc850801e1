"""What comes from elsewhere: dependencies asked about, images named by digest."""

from __future__ import annotations

import importlib.util
import json
import stat
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
DIGEST = f"sha256:{'ab' * 32}"


def script(name: str) -> ModuleType:
    """A script of deploy/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"deploy_{name}", DEPLOY / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit, pin = script("audit"), script("pin")

WELL = {"name": "click", "version": "8.4", "vulns": []}
ILL = {"name": "old", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
UNKNOWN = {"name": "new", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "status", "word"),
    [
        ([WELL, UNKNOWN], 0, "1 of 2 dependencies audited: no known vulnerability"),
        ([WELL, ILL, UNKNOWN], 1, "old 1: CVE-1, fixed in 2"),
        ([UNKNOWN], 0, "dependencies NOT audited"),
        ([], 0, "dependencies NOT audited"),
    ],
)
def test_an_audit_that_asked_nobody_does_not_say_that_all_is_well(
    dependencies: list[dict[str, Any]], status: int, word: str
) -> None:
    """A vulnerability fails the lint; a database that cannot be reached is told in one line."""
    found, lines = audit.judge(dependencies)
    assert found == status
    assert lines[0].startswith(word)


@pytest.mark.parametrize(
    ("program", "status", "word"),
    [
        (f"echo '{json.dumps({'dependencies': [WELL, ILL]})}'; exit 1", 1, "old 1: CVE-1, fixed in 2"),
        (f"echo '{json.dumps({'dependencies': [WELL]})}'", 0, "1 of 1 dependencies audited"),
        ("echo 'requests.exceptions.ConnectionError: no route' >&2; exit 1", 0, "dependencies NOT audited"),
        (
            "echo 'Traceback' >&2; echo 'ValueError: what?' >&2; exit 2",
            1,
            "pip-audit failed: ValueError: what?",
        ),
        ("exec sleep 20", 0, "dependencies NOT audited"),
        (None, 1, "pip-audit is not installed here"),
    ],
)
def test_whatever_pip_audit_does_the_lint_has_one_answer(
    program: str | None, status: int, word: str, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With its database, without it, broken, hanging, or not there."""
    monkeypatch.setattr(audit, "LONGEST_S", 2.0)
    path = tmp_path / "pip-audit"
    if program is not None:
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    assert audit.main(path) == status
    assert "".join(capfd.readouterr()).startswith(word)


def test_every_image_that_is_not_ours_is_pinned() -> None:
    """The digest goes behind the version and takes an old one's place; our own images have none."""
    for path in pin.FILES:
        before = path.read_text()
        once, unknown = pin.pinned(before, lambda name: DIGEST)
        assert not unknown
        names = [found["name"] for found in pin.IMAGE.finditer(once)]
        ours = [name for name in names if name.startswith("aurorad:")]
        assert once.count(f"@{DIGEST}") == len(names) - len(ours) > 0
        assert pin.pinned(once, lambda name: DIGEST)[0] == once


def test_where_no_registry_can_be_asked_the_files_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image is named, nothing is written."""

    def no_such_program(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", no_such_program)
    before = pin.FILES[1].read_text()
    assert pin.pinned(before, pin.digest_of) == (
        before,
        [found["name"] for found in pin.IMAGE.finditer(before) if not found["name"].startswith("aurorad:")],
    )
