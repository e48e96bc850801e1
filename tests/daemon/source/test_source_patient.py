"""A disk that hangs holds one look for a while, and no more than one thread."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.config import CameraSettings, DaemonSettings, SourceSettings
from daemon.errors import FetchError
from daemon.source import Still, open_source
from daemon.source.patient import Patient

STILL = Still(b"", datetime(2024, 2, 10, tzinfo=UTC), None, "a.jpg", "a.jpg")


class Drive:
    """A source whose disk answers when ``there`` is set."""

    cursor = None

    def __init__(self) -> None:
        self.there = threading.Event()
        self.asked = 0

    def latest(self) -> Still | None:
        self.asked += 1
        assert self.there.wait(20)
        return STILL

    def ask(self) -> Still:
        raise FetchError("unreadable", "no such folder")

    def next_request(self, wanted: datetime, *, soon: bool = False) -> datetime:
        return wanted

    def describe(self) -> str:
        return "folder /drive"


def test_a_drive_that_is_down_is_asked_once() -> None:
    """A typed refusal after the limit, then at once; when it is back its newest picture is given."""
    drive = Drive()
    source, before = Patient(drive, 0.1), threading.active_count()
    for _ in range(5):
        with pytest.raises(FetchError, match="does not answer within") as refused:
            source.latest()
        assert refused.value.reason == "timeout"
    assert drive.asked == 1
    assert threading.active_count() == before + 1
    drive.there.set()
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert source.latest() is STILL


def test_what_the_source_raises_comes_through() -> None:
    """Its own refusals stay its own."""
    with pytest.raises(FetchError, match="no such folder"):
        Patient(Drive(), 1.0).ask()


def test_a_folder_is_asked_with_patience(tmp_path: Path) -> None:
    """That is how the watch opens one; the limit is the camera's ``timeout_s``."""
    camera = CameraSettings().model_copy(update={"source": SourceSettings(kind="folder", path=tmp_path)})
    source = open_source(camera, DaemonSettings())
    assert isinstance(source, Patient)
    assert source.describe() == f"folder {tmp_path}/*.jpg"
