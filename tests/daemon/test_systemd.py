"""What systemd hears, on a real socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from daemon import systemd


def test_a_slow_start_is_given_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade of years of rows is not killed at ``TimeoutStartSec`` and begun again."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd.starts_slowly()
        said = dict(line.split("=", 1) for line in listener.recv(4096).decode().splitlines())
    assert int(said["EXTEND_TIMEOUT_USEC"]) == 3600 * 1_000_000
    assert said["STATUS"] == "bringing the record up to date"


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket, no word, no error."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.tell("READY=1")
