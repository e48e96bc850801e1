"""The command line as a stranger meets it: the contract's keys, one clear line for an error, the exit status."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skyfield_data

from daemon.cli import main
from daemon.config import load
from daemon.footage.movie import read_movie
from daemon.observation import from_utc_text
from daemon.record.progress import OpenCondition
from daemon.record.store import Reader
from tests.skies import night_sky

AURORAD = [sys.executable, "-m", "daemon.cli"]


def aurorad(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command; its exit status is asserted, and that no traceback reaches anybody."""
    done = subprocess.run([*AURORAD, *map(str, arguments)], capture_output=True, text=True, timeout=110)
    assert done.returncode == status, done.stderr or done.stdout
    assert "Traceback" not in done.stderr
    return done


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def green_disc(tmp_path: Path) -> Path:
    square = night_sky(np.random.default_rng(4), 120, side=300)
    path = tmp_path / "disc.png"
    cv2.imwrite(str(path), square)
    return path


def test_classify_answers_with_the_contracts_keys(green_disc: Path) -> None:
    """One object a line; directions are null without an orientation."""
    (answer,) = lines(aurorad("classify", green_disc, "--json"))
    assert {
        "path", "probability", "calibrated_probability", "verdict", "heatmap_area", "azimuth_deg",
        "elevation_deg", "model_sha256", "cover", "level", "forms",
    } <= answer.keys()  # fmt: skip
    assert answer["path"] == str(green_disc)
    assert 0 <= answer["calibrated_probability"] <= 1
    assert answer["azimuth_deg"] is None
    assert len(answer["model_sha256"]) == 64


def test_an_answer_is_one_line_whatever_the_file_is_called(green_disc: Path, tmp_path: Path) -> None:
    odd = tmp_path / "two\nlines.png"
    odd.write_bytes(green_disc.read_bytes())
    done = aurorad("classify", odd)
    assert len(done.stdout.splitlines()) == 1
    assert "two?lines.png" in done.stdout


def test_a_name_that_is_no_text_is_escaped_in_json(green_disc: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    odd.write_bytes(green_disc.read_bytes())
    done = subprocess.run([*AURORAD, "classify", odd, "--json"], capture_output=True, timeout=110)
    assert done.returncode == 0
    assert json.loads(done.stdout)["path"] == str(odd)


def test_classify_tells_directions_where_the_orientation_is_known(green_disc: Path, tmp_path: Path) -> None:
    """With [camera.orientation] the map's brightest place has an azimuth and an elevation."""
    config = tmp_path / "a.toml"
    config.write_text("[[camera]]\n[camera.orientation]\nnorth_deg = 30\n")
    (answer,) = lines(aurorad("classify", green_disc, "--json", "--config", config))
    assert 0 <= answer["azimuth_deg"] < 360
    assert 0 <= answer["elevation_deg"] <= 90


def test_an_image_that_cannot_be_used_costs_only_itself(green_disc: Path, tmp_path: Path) -> None:
    """The others are answered, the error names the file, the status is 1."""
    page = tmp_path / "page.jpg"
    page.write_text("<html>")
    done = aurorad("classify", page, green_disc, tmp_path / "none.jpg", "--json", status=1)
    assert [answer["path"] for answer in lines(done)] == [str(green_disc)]
    errors = done.stderr.splitlines()
    assert len(errors) == 2
    assert str(page) in errors[0]
    assert "none.jpg" in errors[1]


def test_sky_is_within_a_hundredth_of_a_degree_of_skyfield() -> None:
    """Sun and moon against Skyfield called directly, here and now."""
    from skyfield.api import load as skyfield
    from skyfield.api import load_file, wgs84

    at = "2025-01-20T09:30:00Z"
    (answer,) = lines(aurorad("sky", "--at", at, "--json"))
    # Not by its get_skyfield_data_path(), which warns of another file in the folder that has expired.
    ephemeris = load_file(str(Path(skyfield_data.__file__).parent / "data" / "de421.bsp"))
    instant = skyfield.timescale(builtin=True).from_datetime(from_utc_text(at))
    place = ephemeris["earth"] + wgs84.latlon(62.4333, -114.35)
    for body in ("sun", "moon"):
        altitude, _, _ = place.at(instant).observe(ephemeris[body]).apparent().altaz()
        assert answer[f"{body}_altitude_deg"] == pytest.approx(altitude.degrees, abs=0.01)
    assert {"at", "moon_phase_deg", "twilight", "moonlight", "look", "alert", "reason"} <= answer.keys()
    ephemeris.close()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("sky", "--at", "yesterday"), 2, "--at 'yesterday' is no time; write it as 2024-02-10T04:50:03Z"),
        (("check-config", "nowhere.toml"), 2, "nowhere.toml: there is no such file"),
        (("ingest", "nowhere.mp4", "--db", "x.db"), 2, "nowhere.mp4: there is no such file or folder"),
        (("report", "--db", "nowhere.db", "--out", "."), 1, "nowhere.db"),
        (("report", "--since", "9999-99-99"), 2, "--since '9999-99-99' is no date; write it as 2024-02-10"),
        (("classify", "--camera", "mars", "x.jpg"), 2, "no camera is called 'mars'"),
        (("test-alert",), 2, "none; add a [[notify]] table"),
        (("demo", "--movie", "nowhere.mp4"), 2, "nowhere.mp4: there is no such file"),
    ],
)
def test_wrong_use_is_one_clear_line(
    arguments: tuple[str, ...], status: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the thing and the mend, exits 2 (or 1 where the work failed), and writes nothing."""
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [*AURORAD, *arguments], capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == status
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_without_rights_costs_only_itself(
    green_disc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether a file can be read is found out by reading it, not by the command line, which would refuse all of them."""
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(SystemExit) as ended:
        main(["classify", str(green_disc)])
    assert ended.value.code == 0
    assert str(green_disc) in capsys.readouterr().out


def test_who_presses_twice_does_not_break_the_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """From "stopped" on Ctrl-C is ignored: the threads at work are waited for."""
    before = signal.getsignal(signal.SIGINT)

    def pressed(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.commands["timestamp"], "callback", pressed)
    try:
        with pytest.raises(SystemExit) as ended:
            main(["timestamp", "x.jpg"])
        assert ended.value.code == 130
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_text_under_a_movies_name_writes_nothing(tmp_path: Path) -> None:
    """Refused in one line, status 1, and the record has no row of it."""
    movie = tmp_path / "night.mp4"
    movie.write_text("this is no movie\n" * 100)
    done = aurorad("ingest", movie, "--db", tmp_path / "x.db", status=1)
    assert str(movie) in done.stderr
    with Reader(tmp_path / "x.db") as reader:
        assert reader.counts()["observations"] == 0


def test_the_archive_keeps_its_promises_on_real_footage(shared_data: Path, tmp_path: Path) -> None:
    """One row a minute within a second of the table beside the movie; a second run adds nothing."""
    movie = shared_data / "auroramax/auroramaxHD_20240210_720p.mp4"
    done = aurorad("ingest", movie, "--db", tmp_path / "x.db")
    readings = int(done.stdout.split(";")[1].split()[0])
    assert readings <= 60
    with (shared_data / "auroramax/auroramaxHD_20240210_720p.csv").open() as file:
        truth = [from_utc_text(row["observed_at_utc"]) for row in csv.DictReader(file)]
    rows = observed(tmp_path / "x.db")
    assert len(rows) in (154, 155)
    for at in rows:
        assert min(abs((at - true).total_seconds()) for true in truth) <= 1
    gaps = {(b - a).total_seconds() for a, b in itertools.pairwise(rows)}
    assert gaps == {60.0}
    again = aurorad("ingest", movie, "--db", tmp_path / "x.db")
    assert "0 recorded" in again.stdout
    assert observed(tmp_path / "x.db") == rows


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_twenty_times_it_ends_with_the_same_table(shared_data: Path, tmp_path: Path) -> None:
    """SIGKILL at random instants, run again each time: the table of one quiet run."""
    movie = shared_data / "auroramax/auroramaxHD_20240210_720p.mp4"
    began = time.monotonic()
    aurorad("ingest", movie, "--db", tmp_path / "quiet.db")
    whole_s = time.monotonic() - began
    chance = random.Random(7)
    for _ in range(20):
        run = subprocess.Popen(
            [*AURORAD, "ingest", str(movie), "--db", str(tmp_path / "killed.db")], stdout=-3
        )
        time.sleep(chance.uniform(0.3, 1.1) * whole_s)
        run.send_signal(signal.SIGKILL)
        run.wait()
    aurorad("ingest", movie, "--db", tmp_path / "killed.db")
    assert table(tmp_path / "killed.db") == table(tmp_path / "quiet.db")


def test_a_camera_described_only_by_configuration(shared_data: Path, tmp_path: Path) -> None:
    """The documented example: every minute of kho1.mp4's hour, right to two seconds."""
    page = (Path(__file__).parents[2] / "docs/cameras.md").read_text(encoding="utf-8")
    config = tmp_path / "kho.toml"
    blocks = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    config.write_text(next(block for block in blocks if "longyearbyen-kho" in block))
    aurorad(
        "ingest", shared_data / "other_cameras/longyearbyen_nipr/kho1.mp4", "--config", config,
        "--db", tmp_path / "kho.db",
    )  # fmt: skip
    rows = observed(tmp_path / "kho.db")
    hour = [datetime(2013, 12, 4, 18, 49, tzinfo=UTC) + timedelta(minutes=k) for k in range(62)]
    assert [at.replace(second=0) for at in rows] == hour
    camera = load(config).camera[0].camera()
    with read_movie(
        shared_data / "other_cameras/longyearbyen_nipr/kho1.mp4", camera, datetime.now(UTC)
    ) as movie:
        for frame in movie.frames():
            assert frame.observed_at is not None
            true_s = np.interp(frame.index, *zip(*KHO_STAMPS.items(), strict=True))
            assert abs(frame.observed_at.timestamp() - true_s) <= 2


KHO_STAMPS = {
    frame: datetime(2013, 12, 4, *time, tzinfo=UTC).timestamp()
    for frame, time in {
        3: (18, 49, 44), 600: (18, 59, 56), 1200: (19, 10, 11), 1800: (19, 20, 26),
        2400: (19, 30, 42), 3000: (19, 40, 57), 3600: (19, 51, 13),
    }.items()
}  # fmt: skip
"""Frames of kho1.mp4 and what stands on them, read by eye from enlarged pictures."""


def test_timestamp_reads_the_real_stamp_and_refuses_the_cut_one(shared_data: Path) -> None:
    """2016-02-07 23:12:18 MST is 06:12:18 UTC; a stamp cut off gives no time and status 1."""
    overlay = shared_data / "auroramax/overlay"
    (answer,) = lines(aurorad("timestamp", overlay / "2016-02-07T23-12-18_MST_player_911x545.png", "--json"))
    assert answer["observed_at"] == "2016-02-08T06:12:18Z"
    assert {"path", "text"} <= answer.keys()
    done = aurorad("timestamp", overlay / "slide10_raw_frame_with_overlay_20221201.jpeg", status=1)
    assert "no time can be established" in done.stderr


def test_backup_and_restore(tmp_path: Path) -> None:
    """A verified copy, and its return; what stood there is kept."""
    from daemon.record.store import Store

    with Store(tmp_path / "a.db") as store:
        store.progress.put_conditions({"some thing": OpenCondition("2024-02-10T05:00:00Z")})
        aurorad("backup", "--db", tmp_path / "a.db", tmp_path / "copy.db")
    aurorad("restore", tmp_path / "copy.db", "--db", tmp_path / "a.db")
    with Store(tmp_path / "a.db") as store:
        assert store.progress.conditions() == {"some thing": OpenCondition("2024-02-10T05:00:00Z")}
    assert len(list(tmp_path.glob("a.db.before-*"))) >= 1


def observed(path: Path) -> list[datetime]:
    with Reader(path) as reader:
        return [from_utc_text(row["observed_at"]) for row in reader.between()]


def table(path: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT camera, observed_at, verdict, probability, calibrated_probability, heatmap, threshold"
        " FROM observations ORDER BY 1, 2"
    ).fetchall()
    events = connection.execute("SELECT * FROM events ORDER BY 1").fetchall()
    connection.close()
    return [*rows, *events]
