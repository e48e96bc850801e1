"""``aurorad demo`` as a newcomer sees it: it tells the night's story and ends by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.commands.demo import _pace, _site
from tests.pace import slowness

DEMO = [sys.executable, "-m", "daemon.cli", "demo", "--port", "0"]


def test_a_slow_machine_is_given_time() -> None:
    """Time goes by more slowly first, then the looks are further apart; a quick machine gets what was asked for."""
    assert _pace(0.1, 120) == (120, 60)
    assert _pace(0.25, 120) == (pytest.approx(80), pytest.approx(60))
    speed, cadence_s = _pace(1.0, 120)
    assert (speed, cadence_s) == (60, pytest.approx(180))


def test_the_stand_in_site_is_ours_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``training.py`` in somebody's folder is not run."""
    (tmp_path / "training.py").write_text("open('ran', 'w')\nraise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with _site(None, None) as site:
        assert site
    assert not (tmp_path / "ran").exists()


@pytest.mark.timeout(300)
def test_the_demo_tells_the_whole_night_and_ends() -> None:
    """Gate, onset, alert delivered to a local receiver, end, and where the page is; exit 0."""
    done = subprocess.run([*DEMO, "--speed", "400"], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert re.search(r"The page: http://127\.0\.0\.1:\d+", told)
    assert "watches a simulated night" in told
    assert "Space weather is simulated." in told  # its messages name NOAA, as a real watch's do
    story = ["gate closed, not looking until", "gate open for looking", "gate open for alerts", "alert delivered: Aurora over",
             "has ended", "Night of 9–10 February 2024:", "Event yellowknife-"]  # fmt: skip
    places = [told.find(words) for words in story]
    assert -1 not in places, told
    assert places == sorted(places), told
    assert "picture attached" in told
    assert re.search(r"Solar wind: Bz [−+]?\d+ nT.*not seen here", told)
    assert not done.stderr


@pytest.mark.timeout(300)
def test_the_demo_replays_a_movie(shared_data: Path) -> None:
    """Real footage through the stand-in site: its aurora is alerted.

    As fast as the machine is: what is a quarter of an hour old is no alert any more, and at 200 times that is 4.5 s.
    """
    movie = shared_data / "auroramax/auroramaxHD_20240210_720p.mp4"
    speed = max(60, round(400 / slowness()))
    done = subprocess.run(
        [*DEMO, "--movie", str(movie), "--speed", f"{speed}"], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert "alert delivered: Aurora over" in done.stdout
