"""``aurorad demo``: a night in minutes, with nothing faked but the sky and the speed of time.

The stand-in AuroraMAX site runs as a process of its own; the daemon that watches it is the real one
on a faster clock, with its database, its page, and alerts sent to a receiver of the demo's own, which
prints them here.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytz
from rich.console import Console
from rich.markup import escape

from daemon.clock import FastClock
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    NotifySettings,
    OrientationSettings,
    Settings,
    SourceSettings,
)
from daemon.errors import AuroradError, UsageError
from daemon.observation import from_utc_text
from daemon.service import Service, serving

NIGHT = "2024-02-10"
FROM, UNTIL = "2024-02-10T00:45:00Z", "2024-02-10T06:05:00Z"
"""The part of the night that is shown: dusk with the gate shut, the spell, and its end."""

SEED = "1"  # one spell: onset 21:18, breakup 21:48, end 22:21 MST
SPEED = 120.0
MOVIE_SPEED = 60.0
AFTER_MOVIE = timedelta(minutes=3)

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
        clock = FastClock(from_utc_text(site["start"]), site["speed"], site["origin"])
        until = from_utc_text(site["ends"]) + AFTER_MOVIE if movie else from_utc_text(UNTIL)
        settings = _settings(site, folder, port, inbox, made=movie is None)
        service = stack.enter_context(serving(settings, None, clock))
        story = Story(service, clock, until)
        story.opening(movie)
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
        source=SourceSettings(url=site["live"], movie_url=site["movie"], movie_url_alternatives=()),
    )
    return Settings(
        daemon=DaemonSettings(state_dir=folder, port=port),
        camera=(camera,),
        notify=(NotifySettings(name="terminal", url=inbox, audience="both"),),
    )


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

    def opening(self, movie: Path | None) -> None:
        """Where we are, what is watched, and where the page is."""
        what = f"a replay of {escape(movie.name)}" if movie else "a made night"
        model = self.service.predictor.model
        console.print(
            f"[bold]aurorad[/] watches {what} over Yellowknife, {self.clock.speed:.0f} times as fast as time."
        )
        console.print(
            f"Model {model.card.name} on {model.device}. The page: [bold]{self.service.server.url}[/]\n"
        )

    def follow(self) -> None:
        """Tell what changes until the night is over."""
        name = self.camera.name
        while (now := self.clock.now()) < self.until:
            status = self.service.camera(name)
            if status is not None:
                state = (status.gate.look, status.gate.alert)
                if state != self._told:
                    self._told = state
                    self._tell_gate(
                        now, status.gate.look, status.gate.alert, status.gate.reason, status.gate_until
                    )
            self._tell_rows()
            time.sleep(0.25)
        time.sleep(2.5)  # the last message is on its way

    def _tell_gate(self, now: datetime, look: bool, alert: bool, reason: str, until: datetime | None) -> None:
        if not look:
            opens = f" until {until.astimezone(self._zone):%H:%M}" if until else ""
            self.say(now, f"gate shut: {reason}: not looking{opens}")
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
            seen = f"{latest['verdict']}" + (f", probability {p:.0%}" if p is not None else "")
            self.say(from_utc_text(latest["observed_at"]), f"[dim]{count} frames recorded; now: {seen}[/]")
        self._seen = count

    def closing(self) -> None:
        """The night in a few figures, from the database."""
        reader = self.service.store.reader
        nights, events = reader.nights(self.camera.name), reader.events(camera=self.camera.name)[::-1]
        console.print()
        for night in nights:
            console.print(
                f"Night {night['night']}: {night['observations']} frames: {night['aurora']} aurora, {night['clear']} clear, "
                f"{night['obscured']} obscured, {night['not_looked']} not looked at, {night['stale']} stale."
            )
        for event in events:
            onset = from_utc_text(event["onset_at"]).astimezone(self._zone)
            over = (
                f" to {from_utc_text(event['ended_at']).astimezone(self._zone):%H:%M}"
                if event["ended_at"]
                else ", not yet over"
            )
            console.print(
                f"Spell {event['id']}: {onset:%H:%M}{over}, peak probability {event['peak_probability']:.0%}."
            )
        if not events:
            console.print("No spell of aurora in this footage.")


@contextmanager
def _site(movie: Path | None, speed: float | None) -> Iterator[dict[str, Any]]:
    """The stand-in site as a process of its own; it ends when its standard input does."""
    command = [sys.executable, "-m", "training.simulator.site"]
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
            "--spells",
            "1",
            "--weather",
            "clear",
            "--side",
            "480",
        ]
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
        last = (process.stderr.read().strip().splitlines() or ["it said nothing"])[-1]
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
