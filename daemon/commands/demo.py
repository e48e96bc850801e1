"""``aurorad demo``: a night in minutes, with nothing faked but the sky and the speed of time.

The stand-in AuroraMAX site runs as a process of its own; the daemon that watches it is the real one
on a faster clock, with its database, its page, and alerts sent to a receiver of the demo's own, which
prints them here. Both clocks stand until the daemon is ready, and then run as fast as this machine can
look.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytz
from rich.console import Console
from rich.markup import escape

from daemon import words
from daemon.clock import HELD, Clock, FastClock
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    NotifySettings,
    OrientationSettings,
    Settings,
    SourceSettings,
    SpaceWeatherSettings,
)
from daemon.errors import AuroradError, UsageError
from daemon.footage.frame import from_still
from daemon.footage.ocr import read_text
from daemon.night import night_text
from daemon.observation import from_utc_text
from daemon.predictor import Predictor
from daemon.service import Service, serving
from daemon.source import open_source

NIGHT = "2024-02-10"
FROM, UNTIL = "2024-02-10T00:40:00Z", "2024-02-10T06:05:00Z"
"""The part of the night that is shown: dusk with the gate shut, the aurora, and its end."""

SEED = "1"  # aurora once: onset 21:18, breakup 21:48, end 22:21 MST
SPEED = 120.0
MOVIE_SPEED = 60.0
AFTER_MOVIE = timedelta(minutes=3)

SPARE = 3.0
"""A look may cost a third of a cadence at most; where it costs more, time goes by more slowly, down to half
the speed asked for, and then the looks are further apart."""

READY_S = 120.0
LAST_MESSAGES_S = 20.0

console = Console(highlight=False, soft_wrap=True)


def demo(*, movie: Path | None, port: int, speed: float | None, stay: bool) -> None:
    """Show the night (or the movie) and return when it is over; raises AuroradError."""
    if movie is not None and not movie.is_file():
        raise UsageError(f"{movie}: there is no such file")
    _quieten()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aurorad-demo-")))
        site = stack.enter_context(_site(movie, speed))
        inbox = stack.enter_context(_receiver())
        clock = FastClock(from_utc_text(site["start"]), site["speed"], HELD)
        until = from_utc_text(site["ends"]) + AFTER_MOVIE if movie else from_utc_text(UNTIL)
        settings = _settings(site, folder, port, inbox, made=movie is None)
        clock.speed, cadence_s = _pace(_look_cost_s(settings), site["speed"])
        camera = settings.camera[0].model_copy(update={"cadence_s": cadence_s})
        settings = settings.model_copy(update={"camera": (camera,)})
        service = stack.enter_context(serving(settings, None, clock))
        story = Story(service, clock, until)
        story.wait_until_ready()
        story.opening(movie)
        clock.origin = time.time()
        _set_going(site["address"], clock)
        story.follow()
        story.closing()
        if stay:
            console.print(f"The page stays at [bold]{service.server.url}[/] until Ctrl-C.")
            _until_interrupted()


def _settings(site: dict[str, Any], folder: Path, port: int, inbox: str, *, made: bool) -> Settings:
    """The defaults, pointed at the stand-in site: what a user's own file would hold.

    The made sky has north up; how a movie's camera was turned nobody knows here.
    """
    camera = CameraSettings(
        title="Yellowknife (stand-in for AuroraMAX)",
        orientation=OrientationSettings(north_deg=0.0) if made else None,
        magnetometer="ykc/best-avail/PT1M/xyzf",
        source=SourceSettings(url=site["live"], movie_url=site["movie"], movie_url_alternatives=()),
    )
    return Settings(
        daemon=DaemonSettings(state_dir=folder, port=port, timelapses=False),  # a look must stay quick
        camera=(camera,),
        notify=(NotifySettings(name="terminal", url=inbox, audience="both", outlook=True),),
        space_weather=SpaceWeatherSettings(
            enabled=True,
            noaa_url=site["address"],
            gfz_url=site["address"],
            hapi_url=f"{site['address']}/hapi",
        ),
    )


def _pace(look_cost_s: float, wanted: float, cadence_s: float = 60.0) -> tuple[float, float]:
    """(speed, cadence in seconds of the night) that a machine can bear which takes so long for a look."""
    speed = min(wanted, max(wanted / 2, cadence_s / (SPARE * look_cost_s)))
    return speed, max(cadence_s, SPARE * look_cost_s * speed)


def _look_cost_s(settings: Settings) -> float:
    """Real seconds for one look here and now: the still drawn and fetched, judged, its clock read."""
    (camera,) = settings.camera
    predictor, source = Predictor(settings.model), open_source(camera, settings.daemon, clock=Clock())
    seconds = []
    for _ in range(2):  # the first look loads what the others find loaded
        began = time.perf_counter()
        frame = from_still(source.ask(), camera.camera(), camera.source.max_pixels)
        predictor.predict([frame.square])
        if frame.stamp is not None:
            read_text(frame.stamp)
        seconds.append(time.perf_counter() - began)
    return seconds[-1]


def _set_going(address: str, clock: FastClock) -> None:
    """The site's clock reads what ours does from now on. Raises AuroradError."""
    url = f"{address}/control?origin={clock.origin}&speed={clock.speed}"
    try:
        with urllib.request.urlopen(url, timeout=30):
            return
    except OSError as error:
        raise AuroradError(f"the stand-in site does not answer: {error}") from error


def _quieten() -> None:
    """The demo tells its own story; only what goes wrong comes from the log."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("apscheduler", "httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)


class Story:
    """The night as it goes by, told from what the daemon has recorded."""

    def __init__(self, service: Service, clock: FastClock, until: datetime) -> None:
        self.service, self.clock, self.until = service, clock, until
        self.camera = service.settings.camera[0]
        self._zone = pytz.timezone(self.camera.timezone)
        self._told: tuple[Any, ...] = ()
        self._seen = 0

    def say(self, at: datetime, text: str) -> None:
        """One line with the night's own local time."""
        console.print(f"[dim]{at.astimezone(self._zone):%H:%M}[/]  {text}")

    def wait_until_ready(self) -> None:
        """Until the daemon has looked once, while the clock stands. Raises AuroradError."""
        end = time.monotonic() + READY_S
        while not self.service.ready()[0]:
            if time.monotonic() > end:
                raise AuroradError(f"not ready after {READY_S:.0f} s: {self.service.ready()[1]}")
            time.sleep(0.05)

    def opening(self, movie: Path | None) -> None:
        """Where we are, what is watched, and where the page is."""
        what = f"a replay of {escape(movie.name)}" if movie else "a simulated night"
        model = self.service.predictor.model
        console.print(
            f"[bold]aurorad[/] watches {what} over Yellowknife, {self.clock.speed:.0f} times as fast as in real time. "
            "Space weather is simulated."
        )
        console.print(
            f"Model {model.card.name} on {model.device}. The page: [bold]{self.service.server.url}[/]\n"
        )

    def follow(self) -> None:
        """Tell what changes until the night is over."""
        name = self.camera.name
        while (now := self.clock.now()) < self.until:
            status = self.service.camera(name)
            if status is not None and (status.gate.look or status.gate_until is not None):
                state = (status.gate.look, status.gate.alert)
                if state != self._told:
                    self._told = state
                    self._tell_gate(
                        now, status.gate.look, status.gate.alert, status.gate.reason, status.gate_until
                    )
            self._tell_rows()
            time.sleep(0.25)
        self._wait_for_the_last_messages()

    def _wait_for_the_last_messages(self) -> None:
        end = time.monotonic() + LAST_MESSAGES_S
        while sum(self.service.store.reader.pending().values()) and time.monotonic() < end:
            time.sleep(0.1)

    def _tell_gate(self, now: datetime, look: bool, alert: bool, reason: str, until: datetime | None) -> None:
        if not look:
            opens = f" until {until.astimezone(self._zone):%H:%M}" if until else ""
            self.say(now, f"gate closed, not looking{opens}: {reason}")
        elif not alert:
            self.say(now, f"gate open for looking: {reason}")
        else:
            self.say(now, f"gate open for alerts: {reason}")

    def _tell_rows(self) -> None:
        """Now and then what is seen, so that the waiting is not silent."""
        reader = self.service.store.reader
        count = sum(row["observations"] for row in reader.nights(self.camera.name))
        latest = reader.latest(self.camera.name)
        if latest is not None and count // 60 > self._seen // 60:
            p = latest["calibrated_probability"]
            seen = f"{latest['verdict']}" + (f", probability {words.certainty(p)}" if p is not None else "")
            self.say(from_utc_text(latest["observed_at"]), f"[dim]{count} frames recorded; now: {seen}[/]")
        self._seen = count

    def closing(self) -> None:
        """The night in a few figures, from the database."""
        reader = self.service.store.reader
        nights, events = reader.nights(self.camera.name), reader.events(camera=self.camera.name)[::-1]
        console.print()
        for night in nights:
            console.print(
                f"{_heading(night['night'])}: {night['observations']} frames: {night['aurora']} aurora, {night['clear']} clear, "
                f"{night['obscured']} obscured, {night['unusable']} unusable, {night['not_looked']} not looked at, {night['stale']} stale."
            )
        for event in events:
            at = f"{from_utc_text(event['onset_at']).astimezone(self._zone):%H:%M}"
            onset = words.onset(at, event["seen_before_at"])
            over = (
                f" to {from_utc_text(event['ended_at']).astimezone(self._zone):%H:%M}"
                if event["ended_at"]
                else ", not yet over"
            )
            console.print(
                f"Event {event['id']}: {onset}{over}, peak probability {words.certainty(event['peak_probability'])}."
            )
        if not events:
            console.print("No aurora in this footage.")


def _heading(night: str) -> str:
    text = night_text(date.fromisoformat(night))
    return text[:1].upper() + text[1:]


@contextmanager
def _site(movie: Path | None, speed: float | None) -> Iterator[dict[str, Any]]:
    """The stand-in site as a process of its own; it ends when its standard input does."""
    # -P: modules come from where aurorad is installed, not from the folder that somebody happens to be in.
    command = [sys.executable, "-P", "-m", "training.simulator.site"]
    if movie is not None:
        command += ["--movie", str(movie), "--speed", str(speed or MOVIE_SPEED)]
    else:
        command += [
            "--date",
            NIGHT,
            "--at",
            FROM,
            "--speed",
            str(speed or SPEED),
            "--seed",
            SEED,
            "--events",
            "1",
            "--weather",
            "clear",
            "--side",
            "480",
        ]
    command.append("--hold")
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        yield _greeting(process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            _close(pipe)


def _greeting(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        last = (process.stderr.read().strip().splitlines() or ["it printed nothing"])[-1]
        raise AuroradError(f"the stand-in site did not start: {last.removeprefix('error: ')}")
    threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
    greeting: dict[str, Any] = json.loads(line)
    return greeting


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        pipe.close()


@contextmanager
def _receiver() -> Iterator[str]:
    """Somebody who gets the alerts: an HTTP receiver that prints them; yields its Apprise address."""

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(204)
            self.end_headers()
            _print_alert(json.loads(body))

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _print_alert(message: dict[str, Any]) -> None:
    lines = str(message.get("message", "")).splitlines()
    pictures = message.get("attachments") or []
    console.print(f"\n  [bold green]▌ alert delivered: {escape(str(message.get('title', '')))}[/]")
    for line in lines:
        console.print(f"  [green]▌[/] {escape(line)}")
    if pictures:
        console.print(f"  [green]▌[/] [dim]picture attached: {escape(str(pictures[0].get('filename')))}[/]")
    console.print()


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("stopped")
