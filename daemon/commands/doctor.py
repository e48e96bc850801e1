"""``aurorad doctor`` and ``check-config``: the state of every part, in one line each.

Each configured source is asked for one picture, so that whoever first runs this against the real site sees at
once whether the site still behaves as it did.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from daemon import __version__, preflight
from daemon.alert import mqtt
from daemon.alert.channel import Channel
from daemon.config import CameraSettings, MqttSettings, NotifySettings, Settings, auroramax, error_of
from daemon.errors import AuroradError, ClockError, FetchError, ModelError
from daemon.footage import image, tesseract
from daemon.footage.frame import from_pixels
from daemon.footage.reading import StampReader
from daemon.footage.still_clock import StillClock, heard
from daemon.gate import degrees_text, gate
from daemon.night import odd_noon
from daemon.observation import Frame, SkyState, utc_text
from daemon.predictor import Predictor
from daemon.record.picture_files import PictureFolder
from daemon.record.progress import lens_on_record
from daemon.record.store import Reader
from daemon.sky.ephemeris import Observatory
from daemon.source import LiveSource, Still, open_source, shown_certificate
from daemon.source.freshness import Freshness
from daemon.source.url import user_agent
from daemon.spaceweather.feeds import Feed, feeds_of
from daemon.spaceweather.visits import ask
from daemon.star_watch import lens_found
from daemon.text import counted
from daemon.verdict import UNKNOWN

TRIED_BYTES = 65536
"""About what a look writes."""


@dataclass(frozen=True)
class Finding:
    """One part's state: ``well`` or not, and what there is to say."""

    part: str
    well: bool
    text: str

    def line(self) -> str:
        """For a person."""
        return f"{'ok  ' if self.well else 'FAIL'} {self.part}: {self.text}"

    def as_dict(self) -> dict[str, Any]:
        """For a script."""
        return asdict(self)


def examine(settings: Settings, path: Path | None) -> Iterator[Finding]:
    """Every part in turn; a part that fails does not keep the next from being checked."""
    predictor = cache(partial(Predictor, settings.model))
    yield Finding(
        "aurorad",
        True,
        f"version {__version__}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}",
    )
    yield _ask("configuration", lambda: _configuration(settings, path))
    yield _ask("clock reader", lambda: f"tesseract {tesseract.version()}")
    yield _ask("model", lambda: _model(predictor()))
    yield _ask("record", lambda: _record(settings))
    yield _ask("disk", lambda: _disk(settings))
    for channel in settings.notify:
        yield _ask(f"channel {channel.name}", partial(_channel, channel))
    if settings.mqtt is not None:
        yield _ask("MQTT broker", partial(_broker, settings.mqtt))
    for camera in settings.camera:
        yield _ask(f"sky over {camera.name}", partial(_sky, settings, camera))
        yield _ask(f"lens of {camera.name}", partial(_lens, settings, camera))
        yield _ask(f"source of {camera.name}", partial(_source, settings, camera, predictor))
    for feed in feeds_of(settings):
        yield _ask(f"space weather, {feed.name}", partial(_feed, settings, feed))


def _ask(part: str, question: Callable[[], str]) -> Finding:
    try:
        return Finding(part, True, question())
    except AuroradError as error:
        return Finding(part, False, str(error))


def _configuration(settings: Settings, path: Path | None) -> str:
    faults = list(preflight.faults_in(settings))
    if faults:
        raise error_of(faults, path)
    return f"{path or 'none: AuroraMAX at Yellowknife'}, no faults"


def _model(predictor: Predictor) -> str:
    model = predictor.model
    place = f"on {model.device}" + (f" ({model.fallback_reason})" if model.fallback_reason else "")
    return f"{model.card.name} {place}, sha256 {model.sha256}; held out: {model.card.headline()}"


def _record(settings: Settings) -> str:
    path = settings.daemon.database
    if not path.exists():
        return f"{path} will be made at the first start"
    with Reader(path) as reader:
        counts = ", ".join(
            counted(number, name.removesuffix("s")) for name, number in reader.counts().items()
        )
    return f"{path}: {counts}"


def _disk(settings: Settings) -> str:
    folder = settings.daemon.state_dir
    if not folder.exists():
        parent = next(p for p in folder.parents if p.exists())
        if not os.access(parent, os.W_OK):
            raise AuroradError(f"{folder} does not exist and cannot be made here; set [daemon] state_dir")
        return f"{folder} will be made"
    _try_to_write(folder)
    free_mb = PictureFolder(folder / "frames").free_mb()
    if free_mb < settings.daemon.min_free_mb:
        raise AuroradError(
            f"{folder}: {free_mb:.0f} MB free, under min_free_mb = {settings.daemon.min_free_mb}"
        )
    return f"{folder}: {free_mb:.0f} MB free"


def _try_to_write(folder: Path) -> None:
    """A small file that is gone again: how full a disk is says nothing of whether it can be written to."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".aurorad-") as tried:
            tried.write(bytes(TRIED_BYTES))
            tried.flush()
            os.fsync(tried.fileno())
    except OSError as error:
        raise AuroradError(
            f"{folder}: nothing can be written ({error.strerror}), so nothing is recorded and nobody is alerted;"
            " run this as the daemon's user, and check the disk"
        ) from error


def _channel(channel: NotifySettings) -> str:
    Channel(channel.name, channel.address()).check()
    return "its address is understood; `aurorad test-alert` sends a message"


def _broker(broker: MqttSettings) -> str:
    mqtt.check(broker)
    return f"{broker.host}:{broker.port} takes us" + (f" as {broker.user}" if broker.user else "")


def _lens(settings: Settings, camera: CameraSettings) -> str:
    """What directions go by, and since when that is known."""
    here, path = camera.camera(), settings.daemon.database
    if camera.orientation is not None:
        dated = f", solved on {camera.orientation.solved_on}" if camera.orientation.solved_on else ""
        how = f"its lens{dated}" if here.orientation and here.orientation.lens else "north alone; no lens"
        return f"the configuration gives {how}"
    if path.exists():
        with Reader(path) as reader:
            found = lens_on_record(reader.query, camera.name, here.disc)
        if found is not None:
            return f"{lens_found(found)} ({found.at:%Y-%m-%d})"
    if here.start is not None:
        return (
            f"not confirmed yet: the default was solved on {auroramax.SOLVED_ON}; directions are unknown until live frames"
            " show their stars where it puts them"
        )
    return "unknown, and so are directions, until two clear frames give it; or run `aurorad calibrate`"


def _sky(settings: Settings, camera: CameraSettings) -> str:
    state = _state(camera)
    may = gate(state, settings.gate.look_below_deg, settings.gate.alert_below_deg)
    does = "looking and alerting" if may.alert else "looking" if may.look else "not looking"
    sun, moon = degrees_text(state.sun_altitude_deg), degrees_text(state.moon_altitude_deg)
    return f"sun {sun}, moon {moon}: {does} ({may.reason})"


def _state(camera: CameraSettings) -> SkyState:
    """Sun and moon over the camera now."""
    return Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m).state(datetime.now(UTC))


def _source(settings: Settings, camera: CameraSettings, predictor: Callable[[], Predictor]) -> str:
    """One question to the source, and all that its answer shows: age, size, stamp, disc, whether the model knows such skies.

    Raises AuroradError, with all of that, for a picture that the watch would not take now.
    """
    source = open_source(camera, settings.daemon)
    still = _asked(source, camera)
    pixels = image.decode(still.data, camera.source.max_pixels)
    said = [
        f"{source.describe()}: {len(still.data)} bytes in {still.elapsed_s:.1f} s, {pixels.shape[1]}×{pixels.shape[0]}"
    ]
    now = datetime.now(UTC)
    if still.last_modified is not None:
        said.append(f"Last-Modified {utc_text(still.last_modified)} ({_ago(now, still.last_modified)})")
    else:
        said.append("no Last-Modified")
    still = heard(still, camera.source)
    frame = from_pixels(
        pixels,
        camera.camera(),
        source=still.source,
        fetched_at=still.fetched_at,
        last_modified=still.last_modified,
    )
    said.append(_stamp(frame, camera, still.last_modified or now))
    bright = float((frame.square.max(axis=2) > 12).mean() / (3.14159 / 4))
    said.append(f"{min(bright, 1.0):.0%} of the sky disc is brighter than black")
    no_sky = frame.flaw or _doubt(frame, predictor)
    faults, notes = _why_not_taken(settings, camera, still, frame, no_sky)
    if faults:
        raise AuroradError("; ".join([*faults, *said, *notes]))
    return "; ".join([*said, *notes])


def _why_not_taken(
    settings: Settings, camera: CameraSettings, still: Still, frame: Frame, no_sky: str | None
) -> tuple[list[str], list[str]]:
    """What would keep the watch from using this picture: faults, and what is none by day, when no sky is needed."""
    faults: list[str] = []
    notes: list[str] = []
    sun_deg = _state(camera).sun_altitude_deg
    if no_sky is not None:
        looking = sun_deg <= settings.gate.look_below_deg
        (faults if looking else notes).append(f"the picture shows no sky ({no_sky})")
    feed = Freshness(camera.cadence_s, camera.source.stale_after_s, camera.source.ignore_witnesses)
    try:
        stopped = feed.check(still, frame) or feed.check_time(
            StillClock(camera.camera(), camera.source).date(frame, still.name)
        )
    except ClockError as error:
        return [*faults, str(error)], notes
    if stopped and sun_deg <= settings.gate.alert_below_deg:
        faults.append(f"the feed has stopped ({stopped})")
    elif stopped:
        notes.append(
            "the feed has stopped, or the camera rests (AuroraMAX from about May to August, and by day)"
        )
    return faults, notes


def _doubt(frame: Frame, predictor: Callable[[], Predictor]) -> str | None:
    """As the watch would write it, where the model does not know such skies. A model that fails has its own line."""
    with suppress(ModelError):
        [prediction] = predictor().predict([frame.square])
        return UNKNOWN if prediction.doubted else None
    return None


def _asked(source: LiveSource, camera: CameraSettings) -> Still:
    """The picture; where TLS failed, the error also shows the server's own certificate."""
    try:
        return source.ask()
    except FetchError as error:
        if error.reason != "tls":
            raise
        shown = shown_certificate(camera.source.url, camera.source.timeout_s)
        raise FetchError("tls", f"{error}; it shows the certificate sha256 {shown}") from error


def _feed(settings: Settings, feed: Feed) -> str:
    """One question to a feed of space weather, and how old its newest reading is."""
    now = datetime.now(UTC)
    agent = {"User-Agent": user_agent(settings.daemon.user_agent_contact)}
    _, readings = ask(feed, now, agent, settings.space_weather.timeout_s)
    newest = max((reading.at for reading in readings), default=None)
    age = "nothing recent" if newest is None else f"the newest of {utc_text(newest)} ({_ago(now, newest)})"
    return f"{feed.provider}, {feed.licence}: {len(readings)} readings, {age}"


def _stamp(frame: Frame, camera: CameraSettings, near: datetime) -> str:
    style = camera.camera().stamp
    if style is None or frame.stamp is None:
        return "no stamp configured"
    try:
        at, text = StampReader(style).read(frame.stamp, near)
    except ClockError as error:
        return f"stamp not read: {error}"
    return f"stamp {text!r} = {utc_text(at)}"


def _ago(now: datetime, at: datetime) -> str:
    """``3 min ago``; ``24 h from now`` of a forecast, or of a clock that is wrong."""
    ago = round((now - at).total_seconds())
    seconds, way = abs(ago), "ago" if ago >= 0 else "from now"
    if seconds < 120:
        return f"{seconds} s {way}"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min {way}"
    return f"{seconds / 3600:.0f} h {way}" if seconds < 172800 else f"{seconds / 86400:.0f} days {way}"


def config_lines(settings: Settings, path: Path) -> Iterator[str]:
    """What a configuration watches, in words, once all in it has been tried.

    Raises ConfigError with every fault, ModelError where only the model cannot be used.
    """
    preflight.check(settings, path)
    for camera in settings.camera:
        place = f"{camera.latitude_deg:.4f}°, {camera.longitude_deg:.4f}°"
        folder = camera.source.path if camera.source.kind == "folder" else None
        where = folder or open_source(camera, settings.daemon).describe()
        yield f"camera {camera.name}: {camera.called} at {place}, every {camera.cadence_s:g} s from {where}"
        if (odd := odd_noon(camera)) is not None:
            yield f"note: {odd}"
        if folder is not None and not preflight.is_there(folder):
            yield f"note: {folder} is not there now; the watch waits for it"
    for channel in settings.notify:
        yield f"channel {channel.name}: {channel.audience} messages"
    if settings.mqtt is not None:
        yield f"MQTT broker {settings.mqtt.host}:{settings.mqtt.port}, topics under {settings.mqtt.topic}/"
    if not settings.channels:
        yield "no channel: nobody gets messages; add a [[notify]] table"
    if feeds := feeds_of(settings):
        yield f"space weather: {', '.join(feed.name for feed in feeds)}"
    yield f"record in {settings.daemon.state_dir}, page on http://{settings.daemon.host}:{settings.daemon.port}/"
