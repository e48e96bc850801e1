"""What the page needs from the rest of the house, as one value and three small protocols.

The service fills :class:`Ports`; tests fill it with the real store and a status of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from daemon.config import CameraSettings, Settings
from daemon.live_status import LiveStatus
from daemon.night import midnight_of, night_of
from daemon.observation import Camera, Observation, Orientation, SkyState
from daemon.record.store import Reader
from daemon.subscribers import Subscriber

log = logging.getLogger("aurorad.web")


class Status(Protocol):
    """The live state of the whole watch, read from the page's threads."""

    def camera(self, name: str) -> LiveStatus | None:
        """The live state of one camera; None where it is not watched."""

    def healthy(self) -> tuple[bool, str]:
        """Whether the watch makes progress, and one line saying why or why not."""

    def ready(self) -> tuple[bool, str]:
        """Whether the watch has all it needs to look, and one line saying so."""


class SkyOver(Protocol):
    """Sun and moon over one camera; :class:`daemon.sky.ephemeris.Observatory` is one."""

    def states(self, times: Sequence[datetime]) -> list[SkyState]:
        """The sky at each of the times."""


class LabelWriter(Protocol):
    """All that a page can change; :class:`daemon.record.store.Store` is one."""

    def add_label(
        self,
        camera: str,
        observed_at: datetime,
        label: str,
        labelled_by: str,
        *,
        queue: str = "",
        event_id: str | None = None,
    ) -> int:
        """Write a label, stamped with the time and what the model had said; gives its id."""

    def undo_label(self, label_id: int) -> bool:
        """Take a label back; False where there is none of that id."""

    def snooze(self, channel: str, until: datetime) -> None:
        """No aurora messages to this channel (empty: to all) until then."""


class Push(Protocol):
    """News to browsers; :class:`daemon.alert.push.Push` is one. Raises AuroradError with what to tell the sender."""

    def key(self) -> str:
        """The public key that browsers subscribe with."""

    def subscribe(self, given: Subscriber) -> None:
        """Take a browser in, or its new wishes."""

    def unsubscribe(self, endpoint: str) -> bool:
        """Forget a browser."""

    def find(self, endpoint: str) -> Subscriber | None:
        """What a browser has asked for."""

    def test(self, endpoint: str) -> None:
        """Send a test to one browser."""


Classifier = Callable[[bytes, str, datetime], Observation]
"""A picture's bytes, its camera's name and time → what is to be said of it; :class:`daemon.one_look.OneLook` is one."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _not_known(camera: str) -> None:
    """No camera is watched, so no stars have shown how one is turned."""


@dataclass(frozen=True)
class Ports:
    """Everything the page is made from.

    ``reader`` opens a read-only view of the database; it is closed after each request.
    ``frames_dir`` holds the kept pictures, ``<camera>/<night>/<name>.jpg``. ``clock_rate`` is how many seconds the watch's clock
    runs in one real second (1 but in a demonstration, which ``replays`` a night). ``turned`` is how a watched camera is turned by now, by its owner or
    its stars. ``token`` None asks for none.
    """

    settings: Settings
    reader: Callable[[], Reader]
    labels: LabelWriter
    status: Status
    registry: CollectorRegistry
    frames_dir: Path
    skies: Mapping[str, SkyOver] = field(default_factory=dict)
    classify: Classifier | None = None
    push: Push | None = None
    turned: Callable[[str], Orientation | None] = _not_known
    clock: Callable[[], datetime] = _utc_now
    clock_rate: float = 1.0
    replays: bool = False
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class View(Camera):
    """A camera and what the page needs besides; ``placed`` is False where nobody knows where it stands.

    Times are shown in ``timezone``, the camera's own, or the reader's where they chose so: then the camera's is
    ``camera_zone``. Nights are always the camera's.
    """

    title: str
    look_below_deg: float
    configured: bool
    placed: bool = True
    camera_zone: str = ""

    def shown_in(self, zone: str) -> View:
        """The same camera with its times in another zone."""
        return self if zone == self.timezone else replace(self, timezone=zone, camera_zone=self.home_zone)

    @property
    def home_zone(self) -> str:
        """The zone the camera stands in."""
        return self.camera_zone or self.timezone

    @property
    def _at_home(self) -> View:
        return replace(self, timezone=self.camera_zone, camera_zone="") if self.camera_zone else self

    def night(self, at: datetime) -> date:
        """The night an instant belongs to."""
        return night_of(at, self._at_home)

    def midnight(self, night: date) -> datetime:
        """The middle of a night: local mean solar midnight."""
        return midnight_of(night, self._at_home)


def view_of(camera: CameraSettings, settings: Settings, *, configured: bool = True) -> View:
    """A camera as its settings have it."""
    return View(
        **vars(camera.camera()),
        title=camera.called,
        look_below_deg=settings.gate.look_below_deg,
        configured=configured,
    )


def view_of_met(name: str, about: Mapping[str, Any] | None, settings: Settings) -> View:
    """A camera the database holds rows of and the configuration does not know.

    As the record remembers it; where it does not (older records, other programs' rows): UTC, no sky.
    """
    try:
        if about is not None:
            return view_of(CameraSettings.model_validate(about), settings, configured=False)
    except ValidationError:
        log.warning("%s: what the record says of this camera cannot be used", name)
    nowhere = CameraSettings(latitude_deg=0.0, longitude_deg=0.0, timezone="UTC")
    view = view_of(nowhere, settings, configured=False)
    return replace(view, name=name, title=name, placed=False)  # a name of any kind
