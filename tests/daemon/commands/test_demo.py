"""``aurorad demo`` as a newcomer sees it: it tells the night's story and ends by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "daemon.cli", "demo", "--port", "0"]


@pytest.mark.timeout(300)
def test_the_demo_tells_the_whole_night_and_ends() -> None:
    """Gate, onset, alert delivered to a local receiver, end, and where the page is; exit 0."""
    done = subprocess.run([*DEMO, "--speed", "400"], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert re.search(r"The page: http://127\.0\.0\.1:\d+", told)
    story = ["gate shut", "gate open for looking", "gate open for alerts", "alert delivered: Aurora over",
             "has ended", "Night 2024-02-10:", "Spell yellowknife-"]  # fmt: skip
    places = [told.find(words) for words in story]
    assert -1 not in places, told
    assert places == sorted(places), told
    assert "picture attached" in told
    assert not done.stderr


@pytest.mark.timeout(300)
def test_the_demo_replays_a_movie(shared_data: Path) -> None:
    """Real footage through the stand-in site: its aurora is alerted."""
    movie = shared_data / "auroramax/auroramaxHD_20240210_720p.mp4"
    done = subprocess.run(
        [*DEMO, "--movie", str(movie), "--speed", "400"], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert "alert delivered: Aurora over" in done.stdout
