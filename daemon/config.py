"""TOML + environment + credentials → settings. Unknown keys are refused.

``deploy/aurorad.toml`` documents every key. Secrets stand in the file only as references:
``env:NAME`` is read from the environment, ``credential:NAME`` from the folder systemd names in
``CREDENTIALS_DIRECTORY`` (or ``/run/secrets``, where Docker puts them).
"""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytz
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from daemon.errors import ConfigError
from daemon.event import Rules
from daemon.observation import Camera, Disc, Orientation, StampStyle

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class _Table(BaseModel):
    """A table of the configuration: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DaemonSettings(_Table):
    """[daemon]: where things are kept, where the page is served."""

    state_dir: Path = Field(
        Path("/var/lib/aurorad"), description="Folder of the database and the kept pictures."
    )
    host: str = Field("127.0.0.1", description="Address the page and metrics are served on.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the page; 0 takes a free one.")
    url: str = Field(
        "", description="Address people reach the page at, for links in messages; empty: no links."
    )
    token: str = Field(
        "",
        description="Token asked of everything that writes; `env:` or `credential:` reference. Empty: no token.",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM certificate; with tls_key the page is served over TLS."
    )
    tls_key: Path | None = Field(None, description="PEM key of tls_certificate.")
    keep_pictures_days: int = Field(
        400, ge=0, description="Days a kept picture stays on disk; 0 keeps no pictures."
    )
    min_free_mb: int = Field(
        500, ge=0, description="Free disk space under which no pictures are kept and the operator is told."
    )
    user_agent_contact: str = Field(
        "", description="Contact added to the User-Agent, as hosts of public feeds like to have."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state_dir / "aurorad.db"


class ModelSettings(_Table):
    """[model]: which model looks, and on what."""

    path: Path | None = Field(
        None, description="Model file (.onnx, its card beside it); none: the shipped model."
    )
    runtime: Literal["onnx", "torch"] = Field("onnx", description="What runs the model.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="`auto` takes a GPU where one works; `cuda` warns the operator when it has to do without.",
    )
    threads: int = Field(2, ge=1, le=64, description="CPU threads of one inference.")
    shadow: Path | None = Field(None, description="A candidate model that looks too and is only logged.")


class StampSettings(_Table):
    """[camera.stamp]: the burnt-in clock."""

    region: tuple[float, float, float, float] = Field(
        (0.66, 0.92, 0.99, 0.965), description="left, top, right, bottom as fractions of the picture."
    )
    formats: tuple[str, ...] = Field(
        ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"),
        min_length=1,
        description="strptime formats of the stamp, without its zone.",
    )
    timezone: str = Field("", description="Zone of a stamp that names none; empty: the camera's own.")


class DiscSettings(_Table):
    """[camera.disc]: where the sky is in the picture, in pixels of a picture width × height."""

    centre_x: float = Field(640, description="x of the disc's centre.")
    centre_y: float = Field(360, description="y of the disc's centre.")
    radius: float = Field(360, gt=0, description="Radius of the disc.")
    width: int = Field(1280, gt=0, description="Width of the picture these numbers are for.")
    height: int = Field(720, gt=0, description="Height of the picture these numbers are for.")


class OrientationSettings(_Table):
    """[camera.orientation]: how the disc is turned; without it directions are null."""

    north_deg: float = Field(description="Direction of geographic north in the picture, clockwise from up.")
    east_left: bool = Field(True, description="East is left of north, as in a sky seen from below.")
    edge_elevation_deg: float = Field(0.0, ge=-10, le=60, description="Elevation at the disc's edge.")


class SourceSettings(_Table):
    """[camera.source]: where footage comes from."""

    kind: Literal["auroramax", "url", "folder"] = Field(
        "auroramax",
        description="`auroramax`: live still and night movie; `url`: any JPEG or PNG address; `folder`: pictures another program writes.",
    )
    url: str = Field(
        "https://auroramax.phys.ucalgary.ca/recent/recent_720p.jpg", description="Address of the live still."
    )
    movie_url: str = Field(
        "https://data.phys.ucalgary.ca/sort_by_project/AuroraMAX/rt-movies/mp4/{yyyy}/{mm}/{dd}/auroramaxHD_{yyyy}{mm}{dd}_720p.mp4",
        description="Address of the night movie, `{yyyy} {mm} {dd}` the night's UTC date; empty: no movies.",
    )
    movie_url_alternatives: tuple[str, ...] = Field(
        (
            "https://data.phys.ucalgary.ca/sort_by_project/AuroraMAX/rt-movies/mp4/{yyyy}/{mm}/{dd}/yknf_slr-12/auroramaxHD_{yyyy}{mm}{dd}_720p.mp4",
        ),
        description="Other addresses tried when the first has no movie.",
    )
    path: Path | None = Field(None, description="Folder to watch, for kind `folder`.")
    pattern: str = Field("*.jpg", description="File names taken from the folder.")
    time_from: Literal["stamp", "name", "header"] = Field(
        "stamp",
        description="What dates a picture: its stamp, the UTC time in its file name, or Last-Modified / the file's own time.",
    )
    name_format: str = Field(
        "%Y%m%d%H%M%S",
        description="strptime format of the UTC time at the start of a file's name, for time_from `name`.",
    )
    timeout_s: float = Field(
        20.0, gt=0, description="Limit on one request's whole time; a movie gets movie_timeout_s."
    )
    movie_timeout_s: float = Field(3600.0, gt=0, description="Limit on the whole download of a movie.")
    max_bytes: int = Field(20_000_000, gt=0, description="Largest still taken.")
    max_movie_bytes: int = Field(2_000_000_000, gt=0, description="Largest movie taken.")
    max_pixels: int = Field(40_000_000, gt=0, description="Largest picture decoded.")
    stale_after_s: float = Field(900.0, gt=0, description="Age past which the feed stands still.")
    movie_after_sunrise_min: float = Field(
        60.0, ge=0, description="Minutes after the watch's end when the movie is first asked for."
    )
    movie_give_up_h: float = Field(30.0, gt=0, description="Hours after which a missing movie is given up.")

    @model_validator(mode="after")
    def _folder_has_path(self) -> SourceSettings:
        if self.kind == "folder" and self.path is None:
            raise ValueError('kind "folder" needs `path`')
        return self


class CameraSettings(_Table):
    """[[camera]]: one all-sky imager. The defaults are AuroraMAX at Yellowknife."""

    name: str = Field("yellowknife", description="Short name: letters, digits, - and _.")
    title: str = Field("", description="What people call it; empty: the name.")
    latitude_deg: float = Field(62.4333, ge=-90, le=90, description="Latitude, north positive.")
    longitude_deg: float = Field(-114.35, ge=-180, le=180, description="Longitude, east positive.")
    elevation_m: float = Field(0.0, ge=-500, le=9000, description="Height above the sea.")
    timezone: str = Field("America/Yellowknife", description="IANA time zone, for local times and stamps.")
    cadence_s: float = Field(60.0, ge=1, le=3600, description="Seconds between looks.")
    disc: DiscSettings = DiscSettings()
    orientation: OrientationSettings | None = None
    stamp: StampSettings | Literal[False] = StampSettings()
    source: SourceSettings = SourceSettings()

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("use 1 to 40 letters, digits, - and _")
        return name

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in pytz.all_timezones_set:
            raise ValueError(f"{zone!r} is no IANA time zone")
        return zone

    def about(self) -> dict[str, Any]:
        """What the record keeps of a camera, for when no configuration names it any more: no addresses."""
        kept = {"name", "title", "latitude_deg", "longitude_deg", "elevation_m", "timezone", "cadence_s",
                "orientation"}  # fmt: skip
        return self.model_dump(mode="json", include=kept)

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
            orientation=Orientation(**self.orientation.model_dump()) if self.orientation else None,
            stamp=StampStyle(stamp.region, stamp.formats, stamp.timezone or self.timezone) if stamp else None,
        )


class GateSettings(_Table):
    """[gate]: when to look and when to alert."""

    look_below_deg: float = Field(-6.0, description="Sun altitude at or under which we look.")
    alert_below_deg: float = Field(
        -12.0, description="Sun altitude at or under which aurora alerts may go out."
    )


class EventSettings(_Table):
    """[event]: hysteresis in probability and time. Probabilities are calibrated ones."""

    on: float | None = Field(
        Rules.on,
        gt=0,
        lt=1,
        description="Probability that counts towards an onset; none: the model's own threshold of the sky cell.",
    )
    off: float | None = Field(
        Rules.off, gt=0, lt=1, description="Probability below which an event fades; none: half of `on`."
    )
    confirm: int = Field(Rules.confirm, ge=1, description="k: frames at or above `on` …")
    of: int = Field(Rules.of, ge=1, description="… among the last n frames looked at.")
    look_again_s: float = Field(
        Rules.look_again.total_seconds(),
        ge=1,
        description="Seconds to the next look after a frame at or above `on` that is no event yet, if under half a cadence.",
    )
    dwell_min: float = Field(
        Rules.dwell.total_seconds() / 60, gt=0, description="Minutes below `off` that end an event."
    )
    strong: float = Field(
        Rules.strong,
        gt=0,
        le=1,
        description="Share of the sky disc in bright aurora (colour index cover) that makes an event strong: local breakup.",
    )
    cool_down_min: float = Field(
        Rules.cool_down.total_seconds() / 60,
        ge=0,
        description="Minutes after an event in which a new one sends no message.",
    )

    def rules(self, cadence_s: float) -> Rules:
        """These settings as the rules that :func:`daemon.event.step` follows, for a camera of that cadence."""
        return Rules(
            on=self.on,
            off=self.off,
            confirm=self.confirm,
            of=self.of,
            dwell=timedelta(minutes=self.dwell_min),
            strong=self.strong,
            cool_down=timedelta(minutes=self.cool_down_min),
            cadence=timedelta(seconds=cadence_s),
            look_again=timedelta(seconds=self.look_again_s),
        )

    @model_validator(mode="after")
    def _consistent(self) -> EventSettings:
        if self.confirm > self.of:
            raise ValueError("`confirm` is larger than `of`")
        if self.on is not None and self.off is not None and self.off > self.on:
            raise ValueError("`off` is above `on`")
        return self


class NotifySettings(_Table):
    """[[notify]]: one channel people or operators get messages through."""

    name: str = Field(description="Short name of the channel, used in logs and metrics.")
    url: str = Field(description="Apprise address, or an `env:` / `credential:` reference to one.")
    audience: Literal["aurora", "operator", "both"] = Field(
        "aurora", description="Who listens: people waiting for aurora, or whoever runs the camera."
    )
    cameras: tuple[str, ...] = Field((), description="Cameras this channel hears of; none: all.")
    kinds: tuple[Literal["onset", "strong", "over", "summary"], ...] = Field(
        ("onset", "strong", "over"),
        description="Aurora messages sent; add `summary` for the morning summary.",
    )
    expire_min: float = Field(
        720.0, gt=0, description="Minutes after which an undelivered message is dropped."
    )
    picture: bool = Field(True, description="Attach the picture.")

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("use 1 to 40 letters, digits, - and _")
        return name

    def hears(self, kind: str, camera: str) -> bool:
        """Does this channel get messages of that kind (``operator`` or one of ``kinds``) about the camera?

        ``camera`` is empty for what concerns the whole watch.
        """
        if camera and self.cameras and camera not in self.cameras:
            return False
        if kind == "operator":
            return self.audience in ("operator", "both")
        return self.audience != "operator" and kind in self.kinds

    def address(self) -> SecretStr:
        """The Apprise address, references resolved."""
        return resolve_secret(self.url)


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
    camera: Annotated[tuple[CameraSettings, ...], Field(min_length=1)] = (CameraSettings(),)
    gate: GateSettings = GateSettings()
    event: EventSettings = EventSettings()
    notify: tuple[NotifySettings, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        for kind, names in (
            ("camera", [c.name for c in self.camera]),
            ("notify", [n.name for n in self.notify]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"two [[{kind}]] tables are called {twice[0]!r}")
        known = {c.name for c in self.camera}
        for channel in self.notify:
            unknown = sorted(set(channel.cameras) - known)
            if unknown:
                raise ValueError(f"[[notify]] {channel.name!r} names an unknown camera {unknown[0]!r}")
        return self

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


def load(path: Path | None) -> Settings:
    """Read and check a configuration file; None gives the defaults. Raises ConfigError."""
    where = str(path) if path else "the environment"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        return Settings(**tables)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_fault(error)}") from error
    except SettingsError as error:
        name = "AURORAD_" + str(error).partition('"')[2].partition('"')[0].upper()
        raise ConfigError(
            f"the environment variable {name} is not valid JSON; mend it or unset it"
        ) from error


def _first_fault(error: ValidationError) -> str:
    """One line naming the key and the mend; the value is left out, for it may be a secret."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part not in ("StampSettings", "literal[False]"))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"unknown key `{key}`; deploy/aurorad.toml lists the keys{more}"
    message = first["msg"].removeprefix("Value error, ")
    return f"`{key}`: {message}{more}" if key else f"{message}{more}"


def resolve_secret(text: str) -> SecretStr:
    """A secret's value: ``env:NAME``, ``credential:NAME``, or the text itself. Raises ConfigError."""
    kind, _, name = text.partition(":")
    if kind == "env":
        value = os.environ.get(name)
        if not value:
            raise ConfigError(f"the environment variable {name} is not set")
        return SecretStr(value)
    if kind == "credential":
        folder = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/secrets"))
        # systemd puts the credential's own name before those of the files of a folder it loads.
        for file in (folder / name, folder / f"aurorad_{name}"):
            with contextlib.suppress(OSError):
                return SecretStr(file.read_text(encoding="utf-8").strip())
        raise ConfigError(f"no credential {name!r} in {folder}")
    return SecretStr(text)
