"""What every page needs at hand: cameras, the sky over them, the pictures, the templates."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from anyio import CapacityLimiter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from daemon import __version__
from daemon.errors import ClockError
from daemon.observation import Orientation, SkyState
from daemon.record.columns import ObservationRow
from daemon.record.progress import FIRST_LENS
from daemon.record.rows import EventRow
from daemon.record.store import Reader
from daemon.sky.ephemeris import Observatory
from daemon.web import behind, present, script_words, security, strip, tongues
from daemon.web.asking import own_path, own_zone, root, url, zone_or
from daemon.web.frames import Cache, Pictures
from daemon.web.ports import Ports, SkyOver, View, view_of, view_of_met
from daemon.web.present import Present
from daemon.web.tongues import _
from daemon.web.turned import turned_at
from daemon.web.turns import Streams, Turns

HERE = Path(__file__).parent
THEMES = ("dark", "red", "light")
NIGHTS_KEPT = 400  # skies of a season and a bit
FIRST_YEAR, LAST_YEAR = 1901, 2051  # what the ephemeris covers, less a night at either end


class Site:
    """Shared by all requests; what it remembers is bounded and can be made anew."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.pictures = Pictures(ports.frames_dir, Cache())
        self._views = {camera.name: view_of(camera, ports.settings) for camera in ports.settings.camera}
        self._first = next(iter(self._views))
        self.key = security.Key(ports.token)
        daemon = ports.settings.daemon
        self.own_names = security.own_names(daemon.host, daemon.url, daemon.names)
        self.metrics_thread = CapacityLimiter(1)
        self.turns = Turns()
        self.streams = Streams()
        self._skies: OrderedDict[tuple[str, date], list[SkyState]] = OrderedDict()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The watch's clock."""
        return self.ports.clock().astimezone(UTC)

    def reader(self) -> Reader:
        """A read-only view of the database, to be closed by whoever asked."""
        return self.ports.reader()

    # ------------------------------------------------------------------ cameras

    @property
    def views(self) -> dict[str, View]:
        """The configured cameras, by name, turned as their stars have shown where the owner does not say."""
        return {
            name: replace(view, orientation=view.orientation or self.ports.turned(name))
            for name, view in self._views.items()
        }

    def all_views(self, reader: Reader) -> list[View]:
        """The configured cameras, then those only met in the database."""
        views = self.views
        met = [name for name in reader.cameras() if name not in views]
        found = [
            *views.values(),
            *(view_of_met(name, reader.camera(name), self.ports.settings) for name in met),
        ]
        return [view.shown_in(zone_or(view.timezone)) for view in found]

    def view(self, request: Request, reader: Reader) -> View:
        """The camera an address names, or the first. Raises 404."""
        name = request.query_params.get("camera")
        if not name:
            first = self.views[self._first]
            return first.shown_in(zone_or(first.timezone))
        for view in self.all_views(reader):
            if view.name == name:
                return view
        raise HTTPException(404, "there is no camera of that name")

    def turned(self, view: View, reader: Reader, row: ObservationRow) -> Orientation | None:
        """How the camera was turned when a row was written; as it is now where the record does not know."""
        return turned_at(reader.history(view.name), row["recorded_at"]) or view.orientation

    def along_meridian(self, view: View, reader: Reader, first: str) -> bool:
        """Was a night's keogram drawn from north to south? ``first`` is the time of its first frame.

        Before the stars had shown how the camera is turned, its lines were the picture's own vertical.
        """
        configured = self._views.get(view.name, view).orientation
        if view.orientation is None or configured is not None:
            return configured is not None
        (found,) = reader.query(FIRST_LENS, [view.name])
        return found["at"] is not None and str(found["at"]) <= first

    def present(self, view: View, reader: Reader) -> Present:
        """The state of a camera's watch at this moment."""
        return present.present(view, self.ports.status.camera(view.name), reader, self.now())

    def ongoing(
        self, events: Sequence[EventRow], views: Mapping[str, View], reader: Reader
    ) -> frozenset[str]:
        """Which of the events are under way, by their ids."""
        return present.ongoing(events, views, self.ports.status.camera, reader, self.now())

    # ------------------------------------------------------------------ the sky

    def sky(self, view: View, night: date) -> list[SkyState]:
        """The sky of a night every five minutes; empty where the camera's place is not known."""
        key = (view.name, night)
        with self._lock:
            if key in self._skies:
                self._skies.move_to_end(key)
                return self._skies[key]
        sky = self._over(view)
        if sky is None:
            return []
        try:
            states = sky.states(strip.sample_times(view.midnight(night)))
        except ClockError:
            return []
        with self._lock:
            self._skies[key] = states
            while len(self._skies) > NIGHTS_KEPT:
                self._skies.popitem(last=False)
        return states

    def midnights(self, view: View, nights: Sequence[date]) -> list[SkyState]:
        """The sky at the local solar midnight of each night."""
        sky = self._over(view)
        if sky is None or not nights:
            return []
        return sky.states([view.midnight(night) for night in nights])

    def _over(self, view: View) -> SkyOver | None:
        if not view.placed or view.name in self.ports.skies:
            return self.ports.skies.get(view.name)
        return Observatory(view.latitude_deg, view.longitude_deg)

    # ------------------------------------------------------------------ addresses

    def link(self, path: str, camera: View | None) -> str:
        """The address of one of our pages for a camera; the first needs not be named."""
        named = camera is not None and camera.name != self._first
        return url(f"{path}?camera={quote(camera.name)}" if camera and named else path)

    def base(self, request: Request) -> str:
        """The address people use, without a slash at its end: as configured, else the one asked under."""
        own = self.ports.settings.daemon.url
        scheme = "https" if behind.is_https(request.headers, request.url.scheme, own) else "http"
        return own.rstrip("/") or f"{scheme}://{request.url.netloc}{root()}"

    def absolute(self, request: Request, address: str) -> str:
        """An address of :func:`url` as others have to call it; empty for an empty one."""
        return f"{self.base(request)}{address.removeprefix(root())}" if address else ""

    # ------------------------------------------------------------------ templates

    @cached_property
    def templates(self) -> Environment:
        """Jinja with autoescape everywhere and no silent holes."""
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(static=self.static, url=url, _=tongues._, ngettext=tongues.ngettext)
        environment.globals["twilight_names"] = strip.TWILIGHT_NAMES
        environment.globals["version"] = __version__
        return environment

    def static(self, name: str) -> str:
        """A static file's address; it changes when any of them does."""
        return url(f"/static/{self.static_version}/{name}")

    @cached_property
    def static_version(self) -> str:
        """A digest of all static files: a module and those it imports stay together."""
        digest = hashlib.blake2b(digest_size=6)
        for path in sorted((HERE / "static").iterdir()):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def page(
        self,
        request: Request,
        reader: Reader,
        template: str,
        context: dict[str, Any],
        *,
        here: str = "",
        status: int = 200,
    ) -> HTMLResponse:
        """Render a whole page."""
        camera: View | None = context.get("camera")
        shared = {
            "theme": self.theme(request),
            "locked": self.locked(request),
            "cameras": self.all_views(reader),
            "camera": camera,
            "here": here,
            "nav": [
                (path, self.link(path, camera), title)
                for path, title in (
                    ("/", _("Tonight")), ("/season", _("Season")), ("/events", _("Events")), ("/label", _("Label")),
                )
            ],
            "camera_link": lambda name: url(f"{own_path(request)}?camera={quote(name)}"),
            "language": tongues.language(),
            "languages": tongues.LANGUAGES,
            "own_zone": own_zone(),
            "root": root(),
            "script_words": script_words.as_json(),
            "share": None,
            "kiosk": False,
            "timelapse": None,
        }  # fmt: skip
        html = self.templates.get_template(template).render({**shared, **context})
        return HTMLResponse(html, status)

    def fragment(self, request: Request, template: str, context: dict[str, Any]) -> str:
        """Render a part of a page."""
        shared = {"locked": self.locked(request), "own_zone": own_zone()}
        return self.templates.get_template(template).render({**shared, **context})

    def theme(self, request: Request) -> str:
        """The reader's theme; it is theirs, so it lives in their browser's cookie."""
        chosen = request.cookies.get("aurorad_theme", "")
        return chosen if chosen in THEMES else THEMES[0]

    def locked(self, request: Request) -> bool:
        """Whether this reader would have to sign in before writing."""
        return not self.key.may_write(request)


def site_of(request: Request) -> Site:
    """What the application that answers a request has at hand."""
    site: Site = request.app.state.site
    return site


def night_of_text(text: str) -> date:
    """A night from an address. Raises 404 for what is no date, or one no almanac covers."""
    try:
        night = date.fromisoformat(text)
    except ValueError:
        raise HTTPException(404, "a night is a date: 2024-02-10") from None
    if not FIRST_YEAR <= night.year <= LAST_YEAR:
        raise HTTPException(404, f"nights are known from {FIRST_YEAR} to {LAST_YEAR}")
    return night
