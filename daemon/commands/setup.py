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
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytz

from daemon import words
from daemon.alert.channel import Channel
from daemon.archive.dated_pictures import Kept, dated, nights_in_folder, pictures_of
from daemon.commands.calibrate import calibrate
from daemon.commands.calibrate_file import disc_table, tables
from daemon.commands.setup_address import at_address
from daemon.commands.setup_file import Plan, how_to_start, must_not_be_there, write
from daemon.commands.setup_found import Found, likely_places, recognise
from daemon.commands.setup_talk import Answers, Talk, taken
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    DiscSettings,
    Inconsistent,
    ModelSettings,
    NotifySettings,
    validated,
)
from daemon.errors import AuroradError, CalibrationError, ConfigError, FetchError, PictureError, UsageError
from daemon.footage import image
from daemon.footage.find_disc import find_disc, whole_picture
from daemon.footage.plausibility import flaw
from daemon.night import night_of, odd_noon
from daemon.observation import Disc, Picture
from daemon.predictor import Predictor
from daemon.sky import geometry
from daemon.sky.ephemeris import Observatory
from daemon.source import check_login, open_source
from daemon.verdict import UNKNOWN
from models import preprocess

TRIES = 6
"""Pictures that are tried for stars: a night is seldom clear at all six of its hours, and each try takes seconds."""

DARK_DEG, MOON_DEG = -15.0, 5.0
"""Sun and moon lower than this: a sky in which a camera shows stars."""

NEWEST = 20
"""Pictures in which the sky's disc is looked for, newest first: one may be half written, some may be cards."""

PASSING = ("empty", "truncated", "not an image", "wrong shape")
"""What may be wrong with one picture of a source that works: it is half written, or a card of another shape."""

RECENT = timedelta(days=30)

NO_STARS = (
    "No stars found, so directions stay unknown for now: run `aurorad calibrate IMAGE --write --config FILE` "
    "on a clear picture of a moonless night"
)
NO_TIME = (
    "Directions stay unknown for now: the stars give north only where the time of a picture is certain. Once "
    "name_timezone is right, run `aurorad calibrate IMAGE --write --config FILE` on a clear picture of a moonless night"
)
"""The stars turn by 15° an hour: at a wrong hour they give a wrong north, and match as well as at the right one."""


def setup(answers: Answers, talk: Talk) -> Path:
    """Ask, recognise, try, write; the file. Raises UsageError, ConfigError, CalibrationError and what the parts raise."""
    if answers.file.exists() and not answers.may_replace:
        may = talk.agrees(f"{answers.file} is there already. Replace it?", False)
        answers = replace(answers, may_replace=may)
    must_not_be_there(answers.file, answers.may_replace)
    where = answers.where or _ask_where(talk)
    _check(answers)
    plan = Plan(answers.state_dir.expanduser().absolute() if answers.state_dir else None)
    if where.lower() != "auroramax":
        plan = _camera(where, answers, talk, plan)
    plan = _channel(plan, answers, talk)
    _try_all(plan, talk)
    write(plan, answers.file)
    talk.say(f"\n{answers.file.absolute()} is written.")
    for line in how_to_start(plan, answers.file):
        talk.say(line)
    return answers.file


def _check(answers: Answers) -> None:
    """What the options give, before anything is asked for with it. Raises UsageError."""
    source = {"login": answers.login, "certificate_sha256": answers.certificate_sha256}
    camera = taken(CameraSettings, {"name": answers.name or "home", "source": source})
    try:
        check_login(camera.source)
    except ConfigError as error:
        raise UsageError(f"--login: {error}") from error
    if answers.state_dir is not None:
        taken(DaemonSettings, {"state_dir": answers.state_dir})
    if answers.notify:
        _phone(answers.notify)


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
    local = Path(where).expanduser().absolute()  # the daemon is started elsewhere
    is_address = "://" in where or (not local.exists() and not where.startswith((".", "/", "~")))
    found = at_address(where, answers, talk) if is_address else recognise(local, timezone)
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
    if (odd := odd_noon(plan.settings())) is not None:
        talk.say(f"Note: {odd}")
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
        shown = f"{value:g}".replace("-", "−")
        raise UsageError(f"{which} {shown}° is not between −{most:g}° and {most:g}°")
    return value


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
    if answers.stars and images and found.dated:
        talk.say(f"Looking for stars in up to {min(TRIES, len(images))} pictures …")
        for path in images[:TRIES]:
            try:
                solved = calibrate([path], camera)
            except (CalibrationError, PictureError):
                continue
            matched = len(solved.solution.fit.pairs[0][0])
            talk.say(f"{path.name}: {matched} stars matched; north and the lens are known")
            return replace(plan, optics=tables(solved))
    talk.say(NO_STARS if found.dated else NO_TIME)
    newest = [*images, *(picture.path for picture in kept[::-1]), *([found.newest] if found.newest else [])]
    return replace(plan, optics=disc_table(_disc(plan, list(dict.fromkeys(newest))[:NEWEST], talk)))


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
    """The sky's disc in the newest picture that shows a sky; where none does, the whole of the newest picture.

    Raises UsageError where no picture can be read.
    """
    no_sky: tuple[Disc, str] | None = None
    unread: AuroradError | None = None
    for read in [partial(image.read, path) for path in images] or [partial(_asked, plan)]:
        try:
            pixels = read()
        except (PictureError, FetchError) as error:
            unread = unread or error
            continue
        found = find_disc(pixels)
        measured = found.disc if found and _can_be(found.disc) else None
        disc = measured or whole_picture(pixels)
        wrong = flaw(geometry.cut_disc(pixels, disc))
        if wrong is None:
            shown = (
                "found" if measured else "taken as the whole picture, for no rim shows: check [camera.disc]"
            )
            talk.say(
                f"The sky's disc is {shown}: centre ({disc.centre_x:.0f}, {disc.centre_y:.0f}), radius {disc.radius:.0f}"
            )
            return disc
        no_sky = no_sky or (whole_picture(pixels), wrong)
    if no_sky is None:
        raise UsageError(f"the picture cannot be read, so its size is not known: {unread}") from unread
    disc, wrong = no_sky
    talk.say(
        f"No picture shows a sky (the newest: {wrong}), so the disc is not measured: the whole picture is taken. "
        "Correct [camera.disc], or run `aurorad setup` again once the camera shows the sky"
    )
    return disc


def _asked(plan: Plan) -> Picture:
    """The picture that the source gives now. Raises FetchError, PictureError."""
    return image.decode(open_source(plan.settings(), DaemonSettings()).ask().data)


def _can_be(disc: Disc) -> bool:
    """Would a configuration take this disc? A circle laid through letters may lie outside its picture."""
    try:
        validated(DiscSettings, asdict(disc))
    except Inconsistent:
        return False
    return True


# ------------------------------------------------------------------- channel, and the trying of all


def _channel(plan: Plan, answers: Answers, talk: Talk) -> Plan:
    question = (
        "Where do alerts go, as ntfy://ntfy.sh/my-topic (an Apprise address, or env:NAME)? Empty: nowhere yet"
    )
    url = answers.notify if answers.notify is not None else talk.ask(question, "", "--notify")
    if url:
        _phone(url)
    return replace(plan, notify=url)


def _phone(url: str) -> NotifySettings:
    """The channel that the file will hold. Raises UsageError."""
    return taken(NotifySettings, {"name": "phone", "url": url})


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
        Channel("phone", _phone(plan.notify).address()).check()
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
    said = source.describe()
    try:
        pixels = image.decode(still.data, camera.source.max_pixels)
        said = f"{said}: {pixels.shape[1]}×{pixels.shape[0]}"
        square = geometry.cut_disc(pixels, _planned_disc(plan, camera))
    except PictureError as error:
        if error.reason not in PASSING:
            raise
        return f"{said}; the newest picture cannot be used ({error.reason}): such are passed over"
    wrong = flaw(square)
    if wrong is not None:
        return f"{said}; the newest picture shows no sky ({wrong}), as a notification card does: such are passed over"
    (answer,) = predictor.predict([preprocess.shrink(square)])
    if answer.doubted:
        return f"{said}; the newest picture is {UNKNOWN}, and gets no verdict: check [camera.disc]"
    sure = words.certainty(answer.calibrated_probability)
    return f"{said}; the model's answer for the newest picture: aurora with a probability of {sure}"


def _planned_disc(plan: Plan, camera: CameraSettings) -> Disc:
    if not plan.optics:
        return camera.camera().disc
    return Disc(**tomllib.loads(plan.optics)["camera"]["disc"])
