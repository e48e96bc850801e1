"""A camera's folder on a network drive that hangs: it costs that camera's pictures, and nothing else."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import Entry
from tests.faults.harness import Inbox, Sky, aurorad, rows, soon, write_config
from tests.faults.test_fault_strangers import FAR_OFF, LONG_AGO, ask
from training.simulator.http import Server
from training.simulator.site import Site

DETACH = 2  # MNT_DETACH

DRIVE = """
[[camera]]
name = "drive"
latitude_deg = {latitude}
longitude_deg = {longitude}
timezone = "UTC"
cadence_s = 1
stamp = false
[camera.disc]
centre_x = 426
centre_y = 240
radius = 240
width = 853
height = 480
[camera.source]
kind = "folder"
path = "{folder}"
timeout_s = 1
stale_after_s = 5
time_from = "header"
"""


@contextmanager
def hung(folder: Path) -> Iterator[None]:
    """A mounted file system whose server never answers, as a network drive whose server is down."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no file system can be made here: {error.strerror}")
    given = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"drive", os.fsencode(folder), b"fuse", 0, given):
        os.close(server)
        pytest.skip(f"needs root, to mount: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        libc.umount2(os.fsencode(folder), DETACH)
        os.close(server)  # whoever waits gets an error now


def test_a_hung_drive_costs_its_own_camera_alone(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """It starts, watches the other camera, reloads and ends in time; the operator hears of the drive."""
    folder = tmp_path / "drive"
    folder.mkdir()
    inbox, sky = Inbox(), Sky(begins=LONG_AGO, ends=FAR_OFF, step_s=1.0)
    log, record = tmp_path / "log", tmp_path / "state/aurorad.db"

    def seen(camera: str, verdict: str) -> int:
        sql = f"SELECT verdict FROM observations WHERE camera = '{camera}'"
        return sum((row["verdict"] == "stale") == (verdict == "stale") for row in rows(record, sql))

    with hung(folder), Server(Site(sky)) as server:
        feed = f"{server.address}/recent/recent_480p.jpg"
        config = write_config(tmp_path / "a.toml", model=green, url=feed, inbox=inbox.url)
        place = [
            line.split(" = ")[1]
            for line in config.read_text().splitlines()
            if line.startswith(("lat", "lon"))
        ]
        config.write_text(
            config.read_text() + DRIVE.format(latitude=place[0], longitude=place[1], folder=folder)
        )
        process = aurorad(config, log)
        try:
            soon(lambda: record.exists() and seen("cam", "") >= 3, "the other camera is watched")
            soon(lambda: seen("drive", "stale") >= 2, "the hung one is stale")
            page = log.read_text().rpartition("page at ")[2].split()[0]
            assert ask(f"{page}-/healthy" if page.endswith("/") else f"{page}/-/healthy")[0] == 200
            before = len(os.listdir(f"/proc/{process.pid}/task"))
            process.send_signal(signal.SIGHUP)
            soon(lambda: "reloaded" in log.read_text(), "reloaded")
            now = seen("cam", "")
            soon(lambda: seen("cam", "") >= now + 3, "watched after the reload")
            assert len(os.listdir(f"/proc/{process.pid}/task")) <= before + 3
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            took_s = time.monotonic() - began
        finally:
            process.kill()
            process.wait()
    inbox.close()
    assert took_s < 10
    assert "drive: folder" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert any("drive" in mail.title + mail.body for mail in inbox.got)
    matrix(
        "The live feed", "a folder on a network drive that hangs",
        "counted as “timeout”; stale rows, the operator notified; the other camera watched, reload and stop in time", "no gap",
    )  # fmt: skip
