"""Stars: simulated cameras solved, none wrongly; cloud by sector against the simulator's; real frames.

    nice python -m tests.bench stars

Every camera's figures are written to ``runs/bench/stars/`` as they come, and a run that was stopped goes on from
there; remove the folder after a change of what is measured.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from daemon.commands import calibrate
from daemon.config import CameraSettings
from daemon.footage import image
from daemon.footage.find_disc import find_disc, whole_picture
from daemon.footage.points import find_points
from daemon.observation import Disc, Lens, Orientation, Picture
from daemon.sky.ephemeris import Observatory
from daemon.sky.lens import unproject
from daemon.sky.stars.fit import Shot, apart_deg
from daemon.sky.stars.solve import NoSolution, Solution, solve, solve_unknown_time
from daemon.sky.stars.visibility import SECTORS, sector_of, shown, star_cover
from daemon.sky.stars.witness import StarWitness
from tests.bench.figure import CACHE, ROOT, Plan, Row, cpu_s
from training.simulator.aurora import aurora_light
from training.simulator.stills import Still, random_still

Floats = npt.NDArray[np.float64]
DATA = ROOT.parent / "shared" / "data"
ENOUGH, GOOD_DEG = 40, 0.5
LIMIT = 1500


@dataclass(frozen=True, eq=False)
class Solved:
    """A picture looked at: the disc, the shot, the answer, the seconds it took."""

    disc: Disc
    shot: Shot
    answer: Solution | NoSolution
    seconds: float


def look(pixels: Picture, still: Still) -> Solved:
    """What ``aurorad calibrate`` does with one picture of known time."""
    began = time.perf_counter()
    found = find_disc(pixels)
    disc = found.disc if found else whole_picture(pixels)
    place = still.place
    stars = Observatory(place.latitude_deg, place.longitude_deg, place.elevation_m).stars(still.at)
    shot = Shot(find_points(pixels, disc), stars)
    return Solved(disc, shot, solve([shot]), time.perf_counter() - began)


def error_deg(still: Still, orientation: Orientation, disc: Disc) -> float:
    """Rms angle between the true direction and the lens's, over the sky above 12° that the picture shows."""
    azimuth, elevation = (
        each.ravel()
        for each in np.meshgrid(np.arange(0, 360, 15.0), np.array([12, 20, 30, 40, 50, 60, 70, 80.0]))
    )
    x, y = still.pixel(azimuth, elevation)
    inside = (x > 0) & (x < still.width) & (y > 0) & (y < still.height)
    azimuth, elevation = azimuth[inside], elevation[inside]
    az, el = unproject(
        (x[inside] - disc.centre_x) / disc.radius, (y[inside] - disc.centre_y) / disc.radius, orientation
    )
    a, e, f = np.radians(az - azimuth), np.radians(elevation), np.radians(el)
    cosine = np.sin(e) * np.sin(f) + np.cos(e) * np.cos(f) * np.cos(a)
    apart = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return float(np.sqrt(np.average(apart**2, weights=np.cos(np.radians(elevation)))))


# ── cameras ─────────────────────────────────────────────────────────────────────────────────────


Figures = dict[str, Any]


def kept(name: str, seeds: Sequence[int], measure: Callable[[int], Figures]) -> list[Figures]:
    """The figures of each seed, from the file where they were measured before, else measured and written there."""
    path = CACHE / "stars" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {int(row["seed"]): row for row in map(json.loads, lines)}
    for seed in seeds:
        if seed in known:
            continue
        known[seed] = {"seed": seed, **measure(seed)}
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(known[seed]) + "\n")
        print(f"  {name} {known[seed]}", file=sys.stderr, flush=True)
    return [known[seed] for seed in seeds]


def one_camera(seed: int) -> Figures:
    """How many stars a random camera shows, by how much its solution is off (None where there is none), and what it took."""
    still = random_still(seed)
    solved = look(still.picture(), still)
    found = solved.answer
    off = error_deg(still, found.fit.orientation, solved.disc) if isinstance(found, Solution) else None
    return {"stars": still.visible_stars(), "error_deg": off, "seconds": solved.seconds}


def cameras(number: int) -> list[Row]:
    """Random cameras: solved where there are stars, never wrongly."""
    each = kept("cameras", range(number), one_camera)
    stars, error, seconds = (
        np.array([row[key] for row in each], np.float64) for key in ("stars", "error_deg", "seconds")
    )
    many, good = stars >= ENOUGH, error <= GOOD_DEG
    share = float(good[many].mean())
    wrong = int((error > GOOD_DEG).sum())
    median = float(np.nanmedian(error))
    return [
        Row("simulated cameras solved to 0.5°", "95 %", f"{share:.1%}", share >= 0.95,
            f"{int(good[many].sum())} of {int(many.sum())} with {ENOUGH} stars or more; median error {median:.2f}°; "
            f"of the other {int((~many).sum())}, {int(good[~many].sum())} solved"),
        Row("wrong solutions believed", "0", str(wrong), wrong == 0, f"of {number} cameras"),
        Row("time of a solve", "10 s", f"{seconds.max():.1f} s at most", bool(seconds.max() <= 10),
            f"median {np.median(seconds):.1f} s"),
    ]  # fmt: skip


def one_scattered(seed: int) -> Figures:
    """A camera's points, each turned by itself: is a lens believed? None where the camera shows too few stars."""
    still = random_still(seed)
    if still.visible_stars() < ENOUGH:
        return {"believed": None}
    solved = look(still.picture(), still)
    points, rng = solved.shot.points, np.random.default_rng(seed)
    turn, r = rng.uniform(0, 2 * np.pi, len(points)), np.hypot(points.x, points.y)
    mixed = replace(points, x=r * np.sin(turn), y=r * np.cos(turn))
    return {"believed": float(isinstance(solve([replace(solved.shot, points=mixed)]), Solution))}


def scattered(number: int) -> Row:
    """The same cameras' points, each turned by itself: stars enough, and no sky."""
    each = [row["believed"] for row in kept("scattered", range(number), one_scattered)]
    tried = [one for one in each if one is not None]
    believed = int(sum(tried))
    return Row("skies of scattered points believed", "0", str(believed), believed == 0, f"of {len(tried)}")


# ── what is clear ───────────────────────────────────────────────────────────────────────────────


def _grid() -> tuple[Floats, Floats, npt.NDArray[np.intp], Floats]:
    azimuth, elevation = (
        plane.ravel() for plane in np.meshgrid(np.arange(0, 360, 3.0), np.arange(15.5, 90, 3.0))
    )
    return azimuth, elevation, sector_of(azimuth, elevation), np.cos(np.radians(elevation))


def clear_and_cloudy(seed: int, moon: bool) -> tuple[Still, Still]:
    """A camera's best frame, and one with cloud at the same hour."""
    cover = float(np.random.default_rng(seed).choice([0.1, 0.3, 0.5, 0.7, 0.95]))
    still = random_still(seed, moon=moon, cloud=cover)
    if still.side > 800:
        still = replace(
            still, side=still.side // 2, width=still.width // 2, height=still.height // 2,
            left=still.left // 2, top=still.top // 2,
        )  # fmt: skip
    bare = replace(still.scene, clouds=(), aurora=replace(still.scene.aurora, forms=()))
    return replace(still, scene=bare), still


def one_cover(seed: int, moon: bool) -> Figures:
    """(share of starlight seen, share of light hidden) of every sector of a camera; empty where its lens is not solved."""
    azimuth, elevation, sector, weight = _grid()
    clear, cloudy = clear_and_cloudy(seed, moon)
    best, sky = look(clear.picture(), clear), cloudy.scene.night_sky
    up = sky.moon_altitude_deg > 0 and sky.moon_phase_deg > 30
    glare = (sky.moon_azimuth_deg, sky.moon_altitude_deg) if up else None
    if isinstance(best.answer, NoSolution):
        return {"seen": [], "hidden": []}
    turned = best.answer.fit.orientation
    shows = shown(find_points(clear.picture(), best.disc, LIMIT), best.shot.stars, turned, glare)
    if shows is None:
        return {"seen": [], "hidden": []}
    cover = star_cover(
        find_points(cloudy.picture(), best.disc, LIMIT),
        best.shot.stars,
        turned,
        shows.zero,
        glare,
        shows.gamma,
    )
    truth = cloudy.hidden(azimuth, elevation)
    hidden = [
        float(np.average(truth[sector == n], weights=weight[sector == n])) for n in range(len(cover.sectors))
    ]
    return {"seen": list(cover.sectors), "hidden": hidden}


def sectors(seeds: Sequence[int], moon: bool) -> tuple[Floats, Floats, int]:
    """(share of starlight seen, share of light hidden) of every sector of every camera, and how many are not known."""
    each = kept(f"cover-{'moon' if moon else 'dark'}", seeds, lambda seed: one_cover(seed, moon))
    pairs = [pair for row in each for pair in zip(row["seen"], row["hidden"], strict=True)]
    known = np.array([pair for pair in pairs if pair[0] is not None], np.float64)
    return known[:, 0], known[:, 1], len(pairs) - len(known)


def roc_area(score: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve."""
    rank, n = rankdata(score), int(positive.sum())
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def cover(number: int) -> Iterator[Row]:
    """Sectors, by stars, against the simulator's cloud."""
    for name, moon, bar in (("moonless", False, 0.95), ("half moon or more", True, 0.9)):
        seen, hidden, unknown = sectors(range(1000, 1000 + number), moon)
        area = roc_area(seen, hidden < 0.5)
        plain = (hidden < 0.3) | (hidden > 0.7)
        yield Row(f"clear by sector, {name}", f"{bar}", f"{area:.3f}", area >= bar,
                  f"ROC area over {len(seen)} sectors of {SECTORS} a frame, {unknown} not known; "
                  f"{roc_area(seen[plain], hidden[plain] < 0.5):.3f} without those half hidden")  # fmt: skip


def cost() -> Row:
    """CPU of what a look pays for the stars: points found and held against the stars, once a minute of footage."""
    still = random_still(14, side=720, cloud=0.2, moon=False, aurora=False)
    pixels, place = still.picture(), still.place
    solved = look(pixels, still)
    assert isinstance(solved.answer, Solution)
    observatory = Observatory(place.latitude_deg, place.longitude_deg, place.elevation_m)
    witness = StarWitness(observatory, solved.answer.fit.orientation)
    spent_ms = []
    for minute in range(40):
        at = still.at + timedelta(seconds=minute)
        began = cpu_s()
        points = find_points(pixels, solved.disc, LIMIT)
        witness.look(points, observatory.state(at))
        spent_ms.append(1000 * (cpu_s() - began))
    middle = float(np.median(spent_ms))
    return Row("CPU of the stars a look", "30 ms", f"{middle:.0f} ms", middle <= 30,
               f"720 px, median of {len(spent_ms)}, sun and moon included; mean {np.mean(spent_ms):.0f} ms")  # fmt: skip


# ── where an arc is ─────────────────────────────────────────────────────────────────────────────


def one_arc(seed: int) -> Figures:
    """The brightest part of a simulated display: by how much two lenses misplace it, in degrees.

    ``solved`` is the lens that one clear frame gives, ``equidistant`` one with the true north and centre, as an owner would
    set it by eye. Where the light is in the picture is the simulator's truth: what is measured is the lens alone.
    """
    nothing: Figures = dict.fromkeys(("solved_az", "solved_el", "equidistant_az", "equidistant_el"))
    still = random_still(seed, cloud=0.0, moon=False, aurora=True, side=600)
    bare = replace(still, scene=replace(still.scene, aurora=replace(still.scene.aurora, forms=())))
    solved = look(bare.picture(), bare)
    glow = aurora_light(still.scene, 240)
    if isinstance(solved.answer, NoSolution) or glow is None:
        return nothing
    row, column = divmod(int(cv2.GaussianBlur(glow.sum(axis=2), (0, 0), 4.0).argmax()), 240)
    at = np.array([(column + 0.5) / 120 - 1]), np.array([(row + 0.5) / 120 - 1])
    x, y = (still.left + (at[0] + 1) * still.side / 2, still.top + (at[1] + 1) * still.side / 2)
    on = (x - solved.disc.centre_x) / solved.disc.radius, (y - solved.disc.centre_y) / solved.disc.radius
    drawn, shown_by = still.scene.lens, solved.answer.fit.orientation
    assert drawn.optics is not None
    true = Lens(**vars(drawn.optics))
    # The simulator's lens is in radii of the drawn disc, ``radius`` of the square's half.
    on_drawn = at[0] / drawn.radius, at[1] / drawn.radius
    turned = Orientation(drawn.north_deg, drawn.east_left, lens=true)
    azimuth, elevation = unproject(*on_drawn, turned)
    if elevation[0] < 5:
        return nothing
    out: Figures = {}
    ways = {
        "solved": unproject(*on, shown_by),
        "equidistant": unproject(*on_drawn, Orientation(drawn.north_deg, drawn.east_left)),
    }
    for name, (az, el) in ways.items():
        out[f"{name}_az"] = float(abs((az[0] - azimuth[0] + 180) % 360 - 180))
        out[f"{name}_el"] = float(abs(el[0] - elevation[0]))
    return out


def arcs(number: int) -> Row:
    """Directions of displays through the solved lens, and through the one that owners have today."""
    each = [row for row in kept("arcs", range(3000, 3000 + number), one_arc) if row["solved_az"] is not None]
    middle = {key: float(np.median([row[key] for row in each])) for key in each[0] if key != "seed"}
    worst = max(middle["solved_az"], middle["solved_el"])
    return Row("direction of a simulated display through the solved lens", "3°",
               f"{middle['solved_az']:.2f}° azimuth, {middle['solved_el']:.2f}° elevation", worst <= 3,
               f"medians of {len(each)}; an equidistant lens with the true north {middle['equidistant_az']:.1f}° and "
               f"{middle['equidistant_el']:.1f}°; where it is in the picture is taken from the simulator")  # fmt: skip


# ── real frames ─────────────────────────────────────────────────────────────────────────────────


def real() -> Iterator[Row]:
    """KHO's Sony still, three AuroraMAX frames of unknown time, a strange camera; where they are."""
    if not DATA.is_dir():
        yield Row("real frames", "–", "not measured", None, "no ../shared/data beside the checkout")
        return
    kho = DATA / "other_cameras/kho_sony/LYR-Sony-111220_200933.jpg"
    pixels = image.read(kho)
    found = find_disc(pixels)
    assert found is not None
    stars = Observatory(78.148, 16.043, 520).stars(datetime(2020, 12, 11, 20, 9, 33, tzinfo=UTC))
    answer = solve([Shot(find_points(pixels, found.disc), stars)])
    assert isinstance(answer, Solution)
    yield Row("KHO Sony still", "believed", f"{answer.fit.count} stars", True,
              f"{answer.fit.rms_deg:.3f}° rms, {answer.fit.rms_deg * found.disc.radius / 90:.1f} px; held out "
              f"{answer.trial.found:.0%}, control {answer.trial.control:.0%}")  # fmt: skip
    turned = [_auroramax(DATA / f"auroramax/sequence/{number}.jpg") for number in ("000", "120", "240")]
    worst = max(apart_deg(a, b) for a in turned for b in turned)
    shown = "; ".join(
        f"north {t.north_deg:.1f}°, lens {t.lens.a:.3f} {t.lens.b:+.3f}"
        for t in turned
        if isinstance(t.lens, Lens)
    )
    yield Row("AuroraMAX frames apart", "0.5°", f"{worst:.2f}°", worst <= 0.5, shown)


def _auroramax(path: Path) -> Orientation:
    camera = CameraSettings()
    observatory = Observatory(camera.latitude_deg, camera.longitude_deg)
    shot = Shot(find_points(image.read(path), Disc(360, 360, 360, 720, 720)), _after(observatory, 0.0))
    answer = solve_unknown_time(shot, lambda minutes: _after(observatory, minutes), camera.latitude_deg)
    assert isinstance(answer, Solution), answer
    return answer.fit.orientation


def _after(observatory: Observatory, minutes: float):  # type: ignore[no-untyped-def]
    return observatory.stars(datetime.fromtimestamp(1601006400 + 60 * minutes, UTC))


def measure(plan: Plan) -> Iterator[Row]:
    """All of it."""
    number = plan.pick(200, 8)
    yield from cameras(number)
    yield scattered(plan.pick(60, 4))
    yield from cover(plan.pick(40, 3))
    yield arcs(plan.pick(60, 4))
    yield cost()
    yield from real()


def docs_picture(path: Path, seed: int = 3) -> None:
    """The chart of a simulated camera as ``aurorad calibrate --picture`` draws it: docs/pictures/stars.jpg."""
    still = random_still(seed, cloud=0.25, moon=False, aurora=True, side=900)
    pixels = still.picture()
    solved = look(pixels, still)
    assert isinstance(solved.answer, Solution)
    exposure = calibrate.Exposure(path, pixels, still.at)
    found = calibrate.Calibration(
        (exposure,), solved.disc, (solved.shot,), solved.answer, still.place.latitude_deg
    )
    calibrate.save_chart(found, path)


if __name__ == "__main__":
    docs_picture(Path(sys.argv[1]), *map(int, sys.argv[2:]))
