"""A night: ``aurorad ingest`` of 9,000 frames of 720p, as where only what watching needs is installed, the thesis's
way, and the limit.

The thesis's way takes some minutes a night and its frames one after the other, each for itself; so
it is run over a tenth of the night and its frames' time taken tenfold, its start once. The limit is
ffmpeg decoding the movie to nothing, and after it the bare classifier on the sampled frames.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from models.preprocess import to_input
from tests.bench import ways
from tests.bench.figure import Plan, Row, Spent, cpu_s, interleaved, spent
from tests.bench.footage import night
from tests.bench.watching import RUN
from training.export import probe_frames

SHARE = 10
"""The part of the night that the thesis's way is given is one in so many."""


def measure(plan: Plan) -> list[Row]:
    """Whole commands, each a process of its own, start and all."""
    frames = plan.pick(9000, 600)
    movie, part = night(frames), night(frames // SHARE)
    bare, sampled = ways.session(("logits",)), frames // 10
    tensor = to_input(probe_frames(1))

    def limit() -> Spent:
        decode = spent(lambda: _run("ffmpeg", "-v", "error", "-i", str(movie), "-f", "null", "-"))
        look = spent(lambda: [bare(tensor) for _ in range(sampled)])
        return Spent(decode.wall_s + look.wall_s, decode.cpu_s + look.cpu_s)

    all_of_it = interleaved(
        {"aurorad": lambda: ingest(movie), "limit": limit, "thesis": lambda: thesis(part)},
        plan.runs,
        warm=False,
    )
    faster = all_of_it.ratio("thesis", "aurorad")
    over = all_of_it.ratio("aurorad", "limit")
    ours_s, cpu = all_of_it.median_s("aurorad"), all_of_it.median_s("aurorad", cpu=True)
    return [
        Row(
            "night ingest against the thesis's way",
            "≥ 20×",
            f"{faster:.1f}×",
            faster >= 20,
            f"{frames} frames in {ours_s:.1f} s against {all_of_it.median_s('thesis'):.0f} s"
            f" (its frames' time over a tenth of the night, tenfold); CPU {all_of_it.ratio('thesis', 'aurorad', cpu=True):.1f}×",
        ),
        Row(
            "night ingest against decode + bare inference",
            "≤ 1.15×",
            f"{over:.2f}×",
            over <= 1.15,
            f"{ours_s:.1f} s against {all_of_it.median_s('limit'):.1f} s; CPU {cpu:.1f} s,"
            f" {all_of_it.ratio('aurorad', 'limit', cpu=True):.2f}×; {movie.stat().st_size / frames / 1000:.0f} kB a frame",
        ),
    ]


def ingest(movie: Path) -> None:
    """``aurorad ingest`` into a new database, as a user calls it."""
    with tempfile.TemporaryDirectory(prefix="aurorad-bench-") as folder:
        _run(sys.executable, "-c", RUN, "ingest", str(movie), "--db", f"{folder}/night.db")


def thesis(movie: Path) -> Spent:
    """The thesis's way over a part of the night, scaled to the whole of it."""
    cpu = cpu_s()
    said = json.loads(_run(sys.executable, "-m", "tests.bench.thesis_way", str(movie)))
    cpu = cpu_s() - cpu
    wall = said["start_s"] + SHARE * said["frames_s"]
    # The start's CPU time is not known apart; it is taken as the same share of the whole as its wall time.
    start = said["start_s"] / (said["start_s"] + said["frames_s"])
    return Spent(wall, cpu * (start + SHARE * (1 - start)))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return done.stdout
