"""What there is to set: every table of the configuration with its keys, defaults and bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.config import auroramax
from daemon.config.alerting import EventSettings, GateSettings, NotifySettings, SkySettings
from daemon.config.bounds import (
    Name,
    Number,
    Table,
    Text,
    Whole,
    Zone,
    ZoneOrNone,
    number,
)
from daemon.config.faults import Fault, Inconsistent
from daemon.config.home import MQTT_CHANNEL, PUSH_CHANNEL, MqttSettings, PushSettings
from daemon.config.machine import DaemonSettings, ModelSettings
from daemon.config.source import SourceSettings
from daemon.config.spaceweather import SpaceWeatherSettings
from daemon.errors import ConfigError
from daemon.observation import STAMP_DIRECTIVES, Camera, Disc, Lens, Orientation, StampStyle

Share = Annotated[Number, Field(ge=0, le=1, allow_inf_nan=False)]


class StampSettings(Table):
    """[camera.stamp]: the burnt-in clock."""

    region: tuple[Share, Share, Share, Share] = Field(
        (0.62, 0.915, 0.99, 0.965), description="left, top, right, bottom as fractions of the picture."
    )
    formats: tuple[Text, ...] = Field(
        ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"),
        min_length=1,
        max_length=20,
        description="strptime formats of the stamp, without its zone.",
    )
    timezone: ZoneOrNone = Field("", description="Zone of a stamp that names none; empty: the camera's own.")

    @model_validator(mode="after")
    def _region_has_an_area(self) -> StampSettings:
        left, top, right, bottom = self.region
        if left >= right or top >= bottom:
            message = "the stamp's `region` is left, top, right, bottom: right must be beyond left, bottom beyond top"
            raise Inconsistent(Fault(("region",), message))
        return self

    @model_validator(mode="after")
    def _formats_can_be_read(self) -> StampSettings:
        faults = [(number, _unreadable(form)) for number, form in enumerate(self.formats)]
        if any(message for _, message in faults):
            raise Inconsistent(*(Fault(("formats", n), message) for n, message in faults if message))
        return self


def _unreadable(form: str) -> str | None:
    """Why no stamp can ever match a format, or None."""
    used = re.findall(r"%.?", form)
    if unknown := [name for name in used if name not in STAMP_DIRECTIVES]:
        return f"{unknown[0]} cannot be read from a stamp; what can be: {' '.join(STAMP_DIRECTIVES)}"
    needs = {"the year": "Yy", "the month": "mbB", "the day": "d", "the hour": "HI", "the minute": "M"}
    for what, letters in needs.items():
        if not any(f"%{letter}" in used for letter in letters):
            return f"{form!r} leaves out {what}: a time cannot be established without it"
    if ("%I" in used) != ("%p" in used):
        return f"{form!r}: a clock of twelve hours needs both %I and %p, one of 24 hours %H"
    return None


MOST_SIDE = 20_000
"""Pixels of the longest side of a picture; the largest cameras have half as many."""


class DiscSettings(Table):
    """[camera.disc]: where the sky is in the picture, in pixels of a picture width × height."""

    centre_x: Number = number(640, 0, MOST_SIDE, "x of the disc's centre.")
    centre_y: Number = number(360, 0, MOST_SIDE, "y of the disc's centre.")
    radius: Number = number(
        360,
        4,
        MOST_SIDE,
        "Radius of the disc.",
        why="in pixels of the picture",
        why_least="in pixels of the picture",
    )
    width: Whole = number(1280, 8, MOST_SIDE, "Width of the picture these numbers are for.")
    height: Whole = number(720, 8, MOST_SIDE, "Height of the picture these numbers are for.")

    @model_validator(mode="after")
    def _within_its_picture(self) -> DiscSettings:
        """The cut is a square of twice the radius, whatever lies in it: far outside, it is black and costs."""
        if given := self.model_fields_set:
            missing = [name for name in type(self).model_fields if name not in given]
            if missing:
                names = ", ".join(f"`{name}`" for name in missing)
                message = f"[camera.disc] needs all of its keys, in pixels of one picture; {names} missing"
                raise Inconsistent(Fault((), message))
        if self.centre_x > self.width or self.centre_y > self.height:
            size = f"{self.width} × {self.height}"
            message = f"the disc's centre is outside its picture of {size}; give the size its numbers are for"
            raise Inconsistent(Fault(("centre_x" if self.centre_x > self.width else "centre_y",), message))
        if 2 * self.radius > 1.25 * max(self.width, self.height):
            message = f"the disc is larger than its picture of {self.width} × {self.height}; its `radius` is half its width"
            raise Inconsistent(Fault(("radius",), message))
        return self


class OrientationSettings(Table):
    """[camera.orientation]: how the disc is turned; without it directions are null."""

    north_deg: Number = number(
        ..., -360, 360, "Direction of geographic north in the picture, clockwise from up."
    )
    east_left: bool = Field(True, description="East is left of north, as in a sky seen from below.")
    edge_elevation_deg: Number = number(
        0.0, -10, 60, "Elevation at the disc's edge, where `lens` is not given."
    )
    lens: tuple[Number, Number] | None = Field(
        None, description="a and b of the lens r = a z + b z³, as `aurorad calibrate` finds them."
    )
    centre: tuple[Number, Number] = Field(
        (0.0, 0.0),
        description="Where the lens's axis meets the disc: radii right and down of the disc's centre.",
    )
    tilt_deg: Number = number(0.0, 0, 45, "How far the lens's axis leans from the zenith …")
    tilt_azimuth_deg: Number = number(0.0, 0, 360, "… and toward which azimuth.")
    solved_on: Text = Field("", description="When the stars gave these values; for people.")

    @model_validator(mode="after")
    def _a_lens(self) -> OrientationSettings:
        if self.lens is not None and not (
            0.3 <= self.lens[0] <= 3 and -0.5 <= self.lens[1] / self.lens[0] <= 1
        ):
            raise Inconsistent(Fault(("lens",), "no lens has such a and b; `aurorad calibrate` finds them"))
        if not all(abs(part) <= 0.5 for part in self.centre):  # nan is no more than any number
            message = "the lens's `centre` is too far from the disc's; it is given in radii of the disc"
            raise Inconsistent(Fault(("centre",), message))
        return self

    def orientation(self) -> Orientation:
        """The plain noun."""
        lens = None
        if self.lens is not None:
            lens = Lens(*self.lens, *self.centre, self.tilt_deg, self.tilt_azimuth_deg)
        return Orientation(self.north_deg, self.east_left, self.edge_elevation_deg, lens)


SLOWEST_S = 3600
"""The longest cadence there is: an aurora seen once an hour is over before it is reported."""


class CameraSettings(Table):
    """[[camera]]: one all-sky imager. The defaults are AuroraMAX at Yellowknife."""

    name: Name = Field("yellowknife", description="Short name: letters, digits, - and _.")
    title: Text = Field(
        "", description="What people call it; empty: the name, and Yellowknife for AuroraMAX."
    )
    latitude_deg: Number = number(62.4333, -90, 90, "Latitude, north positive.")
    longitude_deg: Number = number(-114.35, -180, 180, "Longitude, east positive.")
    elevation_m: Number | None = number(
        None,
        -500,
        9000,
        "Height above the sea; exports leave it out where it is not given.",
        why="in metres",
        why_least="in metres",
    )
    timezone: Zone = Field("America/Yellowknife", description="IANA time zone, for local times and stamps.")
    cadence_s: Number = number(
        60.0,
        1,
        SLOWEST_S,
        "Seconds between looks.",
        why="an aurora seen once an hour is over before it is reported",
    )
    magnetometer: Text = Field(
        "",
        description="HAPI data set of the nearest magnetic observatory, for [space_weather]; Yellowknife's is ykc/best-avail/PT1M/xyzf.",
    )
    horizon: Text = Field(
        "",
        description="PNG of the sky disc, white where sky is; what is black counts for nothing. Empty: all is sky.",
    )
    disc: DiscSettings = DiscSettings()
    orientation: OrientationSettings | None = None
    stamp: StampSettings | Literal[False] = StampSettings()
    source: SourceSettings = SourceSettings()

    def about(self) -> dict[str, Any]:
        """What the record keeps of a camera, for when no configuration names it any more: no addresses."""
        kept = {"name", "title", "latitude_deg", "longitude_deg", "elevation_m", "timezone", "cadence_s",
                "orientation", "disc"}  # fmt: skip
        about = self.model_dump(mode="json", include=kept)
        if self.elevation_m is None and self._is_auroramax():
            about["elevation_m"] = auroramax.ELEVATION_M
        return about

    @property
    def called(self) -> str:
        """What people call it, in messages and on the page."""
        return self.title or (
            "Yellowknife" if self.name == "yellowknife" and self._is_auroramax() else self.name
        )

    def _is_auroramax(self) -> bool:
        """AuroraMAX's own pictures of its own place."""
        fields = type(self).model_fields
        here = all(
            abs(getattr(self, key) - fields[key].default) < 0.1 for key in ("latitude_deg", "longitude_deg")
        )
        return self.source.kind == "auroramax" and here

    def camera(self) -> Camera:
        """The plain noun the rooms work with."""
        stamp = self.stamp or None
        return Camera(
            name=self.name,
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            elevation_m=self.elevation_m,
            timezone=self.timezone,
            cadence_s=self.cadence_s,
            disc=Disc(**self.disc.model_dump()),
            orientation=self.orientation.orientation() if self.orientation else None,
            stamp=StampStyle(stamp.region, stamp.formats, stamp.timezone or self.timezone) if stamp else None,
            start=auroramax.ORIENTATION if self._is_auroramax() and self.disc == DiscSettings() else None,
        )


def _taken_twice(kind: str, tables: Sequence[CameraSettings | NotifySettings]) -> Iterator[Fault]:
    names = [table.name for table in tables]
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Fault((kind, place, "name"), f"two [[{kind}]] tables are called {name!r}")


class Settings(BaseSettings):
    """The whole configuration. ``AURORAD_DAEMON__PORT=9000`` overrides ``[daemon] port``."""

    model_config = SettingsConfigDict(
        env_prefix="AURORAD_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # a value may be a secret, and `--debug` shows pydantic's own words
    )

    daemon: DaemonSettings = DaemonSettings()
    model: ModelSettings = ModelSettings()
    camera: Annotated[tuple[CameraSettings, ...], Field(min_length=1, max_length=1000)] = (CameraSettings(),)
    gate: GateSettings = GateSettings()
    event: EventSettings = EventSettings()
    sky: SkySettings = SkySettings()
    notify: Annotated[tuple[NotifySettings, ...], Field(max_length=100)] = ()
    mqtt: MqttSettings | None = None
    push: PushSettings = PushSettings()
    space_weather: SpaceWeatherSettings = SpaceWeatherSettings()

    @model_validator(mode="after")
    def _names_fit(self) -> Settings:
        faults = [*_taken_twice("camera", self.camera), *_taken_twice("notify", self.notify)]
        known = {c.name for c in self.camera}
        for place, channel in enumerate(self.notify):
            unknown = sorted(set(channel.cameras) - known)
            if unknown:
                message = f"[[notify]] {channel.name!r} names an unknown camera {unknown[0]!r}"
                faults.append(Fault(("notify", place, "cameras"), message))
            if channel.name in (MQTT_CHANNEL, PUSH_CHANNEL):
                message = (
                    f"[[notify]] cannot be called {channel.name!r}, as [{channel.name}] is; name it otherwise"
                )
                faults.append(Fault(("notify", place, "name"), message))
        if faults:
            raise Inconsistent(*faults)
        return self

    @property
    def channels(self) -> tuple[NotifySettings, ...]:
        """Everybody who gets messages from the outbox: the [[notify]] tables and the broker."""
        return (*self.notify, self.mqtt.channel()) if self.mqtt else self.notify

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: Any,
        init_settings: Any,
        env_settings: Any,
        dotenv_settings: Any,
        file_secret_settings: Any,
    ) -> tuple[Any, ...]:
        """The environment wins over the file."""
        return (env_settings, init_settings)

    def camera_named(self, name: str | None) -> CameraSettings:
        """The camera of that name, or the first where none is named. Raises ConfigError."""
        if name is None:
            return self.camera[0]
        for camera in self.camera:
            if camera.name == name:
                return camera
        known = ", ".join(c.name for c in self.camera)
        raise ConfigError(f"no camera is called {name!r}; the configuration knows: {known}")
