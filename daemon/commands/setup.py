"""``aurorad setup``: from a folder or an address of pictures to a configuration that works, in one go.

    where → whose → place → lens, from the stars → source, model and channel tried → file → how to start

What is not told by an option is asked for; with ``--yes`` nothing is, and what can be taken from the camera
program, the machine or the pictures is taken. No file that is there is replaced without a word.
"""

from __future__ import annotations

import math
import os
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import pytz

from daemon.alert.channel import Channel
from daemon.archive.dated_pictures import Kept, dated, nights_in_folder, pictures_of
from daemon.commands.calibrate import calibrate
from daemon.commands.calibrate_file import disc_table, tables
from daemon.commands.setup_file import Plan, how_to_start, must_not_be_there, write
from daemon.commands.setup_found import Found, addresses, likely_places, recognise
from daemon.config import CameraSettings, DaemonSettings, ModelSettings, NotifySettings, user_state_dir
from daemon.errors import CalibrationError, FetchError, PictureError, UsageError
from daemon.footage import image
from daemon.footage.find_disc import find_disc, whole_picture
from daemon.footage.plausibility import flaw
from daemon.night import night_of
from daemon.observation import Disc
from daemon.predictor import Predictor
from daemon.sky import geometry
from daemon.sky.ephemeris import Observatory
from daemon.source import open_source, shown_certificate, user_agent
from daemon.source.access import Access
from daemon.source.fetch import Limits, fetch_bytes
from daemon.source.url import must_be_picture
from models import preprocess

TRIES = 6
"""Pictures that are tried for stars: a night is seldom clear at all six of its hours, and each try takes seconds."""

DARK_DEG, MOON_DEG = -15.0, 5.0
"""Sun and moon lower than this: a sky in which a camera shows stars."""

RECENT = timedelta(days=30)
TRY_S = 15.0


class Talk(Protocol):
    """Whoever is asked: a person at a terminal, or nobody."""

    def ask(self, question: str, default: str | None, option: str) -> str:
        """An answer; ``option`` would have given it. Raises UsageError where nobody is there and no default."""
        ...

    def agrees(self, question: str, default: bool) -> bool:
        """Yes or no."""
        ...

    def say(self, line: str) -> None:
        """A line for the person."""
        ...


@dataclass(frozen=True)
class Answers:
    """What the options say; None where they do not."""

    where: str | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    timezone: str | None = None
    name: str | None = None
    login: str = ""
    certificate_sha256: str = ""
    notify: str | None = None
    state_dir: Path | None = None
    images: tuple[Path, ...] = ()
    stars: bool = True
    file: Path = Path("aurorad.toml")
    may_replace: bool = False


def setup(answers: Answers, talk: Talk) -> Path:
    """Ask, recognise, try, write; the file. Raises UsageError, ConfigError, CalibrationError and what the parts raise."""
    if answers.file.exists() and not answers.may_replace:
        may = talk.agrees(f"{answers.file} is there already. Replace it?", False)
        answers = replace(answers, may_replace=may)
    must_not_be_there(answers.file, answers.may_replace)
    where = answers.where or _ask_where(talk)
    state_dir = answers.state_dir or (Path("/var/lib/aurorad") if os.geteuid() == 0 else user_state_dir())
    plan = Plan(state_dir)
    if where.lower() != "auroramax":
        plan = _camera(where, answers, talk, plan)
    plan = _channel(plan, answers, talk)
    _try_all(plan, talk)
    write(plan, answers.file)
    talk.say(f"\n{answers.file.absolute()} is written.")
    for line in how_to_start(plan, answers.file):
        talk.say(line)
    return answers.file


# ------------------------------------------------------------------- where the pictures are


def _ask_where(talk: Talk) -> str:
    found = likely_places(Path.home())
    for place in found:
        talk.say(f"Found pictures in {place}")
    question = "Where are the pictures: a folder, an address, or `auroramax`?"
    return talk.ask(question, str(found[0]) if found else "auroramax", "--where")


def _camera(where: str, answers: Answers, talk: Talk, plan: Plan) -> Plan:
    timezone = answers.timezone or _machine_zone()
    timezone = timezone or talk.ask("In which time zone is the camera, as Europe/Oslo?", None, "--timezone")
    if timezone not in pytz.all_timezones_set:
        raise UsageError(
            f"{timezone!r} is no time zone of the IANA list, such as Europe/Oslo; set --timezone"
        )
    local = Path(where).expanduser()
    is_address = "://" in where or (not local.exists() and not where.startswith((".", "/", "~")))
    found = _at_address(where, answers, talk) if is_address else recognise(local, timezone)
    talk.say(f"Recognised: {found.program}")
    for note in found.notes:
        talk.say(f"Note: {note}")
    latitude = _place("latitude", answers.latitude_deg, found.latitude_deg, 90, talk)
    longitude = _place("longitude", answers.longitude_deg, found.longitude_deg, 180, talk)
    camera = {
        "name": answers.name or "home",
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "timezone": timezone,
        "stamp": False,
    }
    plan = replace(plan, camera=camera, source=found.source, program=found.program)
    kept = _recent(plan.settings()) if found.source["kind"] == "folder" else []
    if (cadence_s := _cadence(kept)) is not None:
        plan = replace(plan, camera={**camera, "cadence_s": cadence_s})
        talk.say(f"A picture comes every {cadence_s:g} s, so that is the cadence")
    return _with_optics(plan, answers, talk, kept, found)


def _machine_zone() -> str | None:
    """The IANA name of this machine's zone, as far as it can be told."""
    for given in (os.environ.get("TZ", "").lstrip(":"), _first_line(Path("/etc/timezone"))):
        if given in pytz.all_timezones_set:
            return given
    linked = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    return linked if linked in pytz.all_timezones_set else ("UTC" if time.tzname[0] == "UTC" else None)


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _place(which: str, given: float | None, found: float | None, most: float, talk: Talk) -> float:
    if given is None and found is not None:
        talk.say(f"The camera program says: {which} {found:g}°")
    value = given if given is not None else found
    if value is None:
        way = "north" if which == "latitude" else "east"
        text = talk.ask(f"The camera's {which} in degrees, {way} positive?", None, f"--{which}")
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"{text!r} is no number; give the {which} in degrees, {way} positive") from None
    if not -most <= value <= most:
        raise UsageError(f"{which} {value:g} is not between −{most:g}° and {most:g}°")
    return value


# ------------------------------------------------------------------- addresses


def _at_address(where: str, answers: Answers, talk: Talk) -> Found:
    """The first address that gives a picture; what it needs to be let in is found out on the way."""
    source: dict[str, Any] = {"login": answers.login, "certificate_sha256": answers.certificate_sha256}
    why: list[str] = []
    tried = addresses(where)
    while tried:
        program, url = tried.pop(0)
        try:
            dated_by_server = _let_in(url, source, talk)
        except FetchError as error:
            why.append(str(error))
            if error.reason == "tls" and url.startswith("http:"):  # it sends everybody on to https
                tried = [(name, f"https{one[4:]}") for name, one in addresses(where)]
            elif error.reason in ("dns", "connect", "timeout", "tls"):
                break  # nobody is there, or is not to be trusted: other pages of the same server are not either
            continue
        note = "the server does not say when a picture was made, so our own clock dates it"
        keys = {"kind": "url", "url": url, **{k: v for k, v in source.items() if v}, "time_from": "header"}
        return Found(program, keys, notes=() if dated_by_server else (note,))
    raise UsageError(f"no picture found: {why[-1] if why else where}")


def _let_in(url: str, source: dict[str, Any], talk: Talk) -> bool:
    """Ask for the picture; where the certificate is the server's own, or a login is wanted, see to it and ask again.

    What lets us in is kept in ``source``. Returns whether the server says when the picture was made.
    """
    try:
        return _gives_picture(url, source)
    except FetchError as error:
        if error.reason == "tls" and not source["certificate_sha256"] and url.startswith("https:"):
            shown = shown_certificate(url, TRY_S)
            talk.say(f"The server signed its own certificate; its SHA-256 fingerprint is {shown}")
            if not talk.agrees("Take this certificate, and no other, from now on?", True):
                raise
            source["certificate_sha256"] = shown
        elif error.reason == "forbidden" and not source["login"]:
            question = "It wants a login: which variable holds user:password, as env:AURORAD_CAMERA_LOGIN?"
            source["login"] = talk.ask(question, None, "--login")
        else:
            raise
    return _gives_picture(url, source)


def _gives_picture(url: str, source: dict[str, Any]) -> bool:
    """Does the server say when the picture was made? Raises FetchError where it gives none."""
    keys = {"kind": "url", "url": url, **{k: v for k, v in source.items() if v}}
    settings = CameraSettings.model_validate({"source": keys}).source
    limits = Limits(TRY_S, settings.max_bytes)
    head, data = fetch_bytes(url, limits, {"User-Agent": user_agent("")}, (200,), Access.of(settings))
    must_be_picture(data, url)
    return "last-modified" in head.headers


# ------------------------------------------------------------------- cadence and lens


def _recent(camera: CameraSettings) -> list[Kept]:
    """The pictures of the last month, in order of time."""
    now = datetime.now(UTC)
    tonight = night_of(now, camera) + timedelta(days=1)
    nights = nights_in_folder(camera, tonight - RECENT, tonight, now)
    return [picture for night in nights for picture in night.pictures]


def _ever(camera: CameraSettings) -> list[Kept]:
    """All pictures of a folder whose names date them: those of a month in summer are of no dark hour."""
    if camera.source.path is None or camera.source.time_from != "name":
        return []
    nights, _ = dated(pictures_of([camera.source.path], camera.source), camera, datetime.now(UTC))
    return [picture for night in nights for picture in night.pictures]


def _cadence(kept: Sequence[Kept]) -> float | None:
    """Seconds between the newest pictures, rounded up, where that is more than a minute; None where a minute will do."""
    apart = [(b.at - a.at).total_seconds() for a, b in pairwise(kept[-60:])]
    usual = median(apart) if len(apart) >= 5 else 0.0
    return float(min(3600, 10 * math.ceil(usual / 10))) if usual > 60 else None


def _with_optics(plan: Plan, answers: Answers, talk: Talk, kept: Sequence[Kept], found: Found) -> Plan:
    camera = plan.settings()
    images = list(answers.images) or _starry(kept, camera) or _starry(_ever(camera), camera)
    if answers.stars and images:
        talk.say(f"Looking for stars in up to {min(TRIES, len(images))} pictures …")
        for path in images[:TRIES]:
            try:
                solved = calibrate([path], camera)
            except (CalibrationError, PictureError):
                continue
            matched = len(solved.solution.fit.pairs[0][0])
            talk.say(f"{path.name}: {matched} stars matched; north and the lens are known")
            return replace(plan, optics=tables(solved))
    talk.say(
        "No stars found, so directions stay unknown for now: run `aurorad calibrate IMAGE --write --config FILE` "
        "on a clear picture of a moonless night"
    )
    return replace(
        plan, optics=disc_table(_disc(plan, images or ([found.newest] if found.newest else []), talk))
    )


def _starry(kept: Sequence[Kept], camera: CameraSettings) -> list[Path]:
    """Pictures of dark, moonless hours, some of each of the newest nights, newest night first."""
    observatory = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m)
    newest = list(kept[-5000:])
    skies = observatory.states([picture.at for picture in newest])
    dark = [
        picture
        for picture, sky in zip(newest, skies, strict=True)
        if sky.sun_altitude_deg < DARK_DEG and sky.moon_altitude_deg < MOON_DEG
    ]
    step = max(1, len(dark) // TRIES)
    return [picture.path for picture in dark[::-1][step // 2 :: step]][:TRIES]


def _disc(plan: Plan, images: Sequence[Path], talk: Talk) -> Disc:
    """The sky's disc in the newest pictures, as far as it shows."""
    try:
        if images:
            pixels = image.read(images[0])
        else:
            pixels = image.decode(open_source(plan.settings(), DaemonSettings()).ask().data)
    except (PictureError, FetchError) as error:
        raise UsageError(f"the picture cannot be read, so its size is not known: {error}") from error
    found = find_disc(pixels)
    disc = found.disc if found else whole_picture(pixels)
    shown = "found" if found else "taken as the whole picture, for no rim shows: check [camera.disc]"
    talk.say(
        f"The sky's disc is {shown}: centre ({disc.centre_x:.0f}, {disc.centre_y:.0f}), radius {disc.radius:.0f}"
    )
    return disc


# ------------------------------------------------------------------- channel, and the trying of all


def _channel(plan: Plan, answers: Answers, talk: Talk) -> Plan:
    question = (
        "Where do alerts go, as ntfy://ntfy.sh/my-topic (an Apprise address, or env:NAME)? Empty: nowhere yet"
    )
    url = answers.notify if answers.notify is not None else talk.ask(question, "", "--notify")
    return replace(plan, notify=url)


def _try_all(plan: Plan, talk: Talk) -> None:
    """Source, model and channel, each in a line. Raises what the part raises: a file that cannot work is not written."""
    for line in _tried(plan):
        talk.say(line)


def _tried(plan: Plan) -> Iterator[str]:
    camera = plan.settings() if plan.camera else CameraSettings()
    predictor = Predictor(ModelSettings())
    yield f"Model: {predictor.model.card.name} on {predictor.model.device}"
    yield f"Source: {_source(plan, camera, predictor)}"
    if plan.notify:
        Channel("phone", NotifySettings(name="phone", url=plan.notify).address()).check()
        yield "Channel: its address is understood; `aurorad test-alert` sends a message"


def _source(plan: Plan, camera: CameraSettings, predictor: Predictor) -> str:
    source = open_source(camera, DaemonSettings())
    try:
        still = source.ask()
    except FetchError as error:
        if (
            not plan.camera
        ):  # AuroraMAX rests from May to August, and its site may be down: no fault of this set-up
            return f"{error}; it is asked again when the watch runs"
        raise
    pixels = image.decode(still.data, camera.source.max_pixels)
    said = f"{source.describe()}: {pixels.shape[1]}×{pixels.shape[0]}"
    disc = _planned_disc(plan, camera)
    wrong = flaw(geometry.cut_disc(pixels, disc))
    if wrong is not None:
        return f"{said}; the newest picture shows no sky ({wrong}), as a notification card does: such are passed over"
    square = geometry.cut_disc(pixels, disc)
    (answer,) = predictor.predict([preprocess.shrink(square)])
    return f"{said}; the model's answer for the newest picture: aurora {answer.calibrated_probability:.0%}"


def _planned_disc(plan: Plan, camera: CameraSettings) -> Disc:
    if not plan.optics:
        return camera.camera().disc
    return Disc(**tomllib.loads(plan.optics)["camera"]["disc"])
