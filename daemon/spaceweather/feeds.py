"""The feeds: who measures what, where it is asked for, how often, and under whose licence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from daemon.config import Settings
from daemon.observation import utc_text
from daemon.spaceweather import parse
from daemon.spaceweather.values import Reading

PUBLIC = "public domain"
Parse = Callable[[bytes, datetime], Sequence[Reading]]
Address = Callable[[datetime], str]


@dataclass(frozen=True)
class Feed:
    """One feed. ``address`` gives the URL to ask at an instant; ``head_bytes`` a minute's size in a list whose
    newest come first, so that no more of it is asked for than is new (0: it is asked for whole)."""

    name: str
    provider: str
    licence: str
    every: timedelta
    address: Address
    parse: Parse = field(repr=False)
    most_bytes: int = 4_000_000
    head_bytes: int = 0


def feeds_of(settings: Settings) -> tuple[Feed, ...]:
    """The feeds that a configuration asks for; none where space weather is off."""
    wanted = settings.space_weather
    if not wanted.enabled:
        return ()
    noaa, places = wanted.noaa_url.rstrip("/"), _places(settings)
    swpc = "NOAA SWPC"
    known = {
        "solar wind": (
            Feed("magnetic field", swpc, PUBLIC, timedelta(minutes=5), _fixed(f"{noaa}/json/rtsw/rtsw_mag_1m.json"),
                 parse.magnetic_field, 8_000_000, 1500),
            Feed("plasma", swpc, PUBLIC, timedelta(minutes=5), _fixed(f"{noaa}/json/rtsw/rtsw_wind_1m.json"),
                 parse.plasma, 8_000_000, 1500),
        ),
        "kp": (
            Feed("kp", swpc, PUBLIC, timedelta(minutes=30), _fixed(f"{noaa}/products/noaa-planetary-k-index.json"),
                 parse.kp),
        ),
        "hp30": (
            Feed("hp30", "GFZ Potsdam", "CC BY 4.0", timedelta(minutes=15), _gfz(wanted.gfz_url), parse.hp30),
        ),
        "ovation": (
            Feed("ovation", f"{swpc}, OVATION", PUBLIC, timedelta(minutes=15),
                 _fixed(f"{noaa}/json/ovation_aurora_latest.json"), _ovation(places)),
        ),
        "magnetometer": tuple(_observatory(wanted.hapi_url, name) for name in _stations(settings)),
    }  # fmt: skip
    return tuple(feed for name in wanted.feeds for feed in known[name])


def station_of(dataset: str) -> str:
    """The observatory of a HAPI data set: ``ykc`` of ``ykc/best-avail/PT1M/xyzf``."""
    return dataset.partition("/")[0].lower()


def _stations(settings: Settings) -> list[str]:
    return sorted({camera.magnetometer for camera in settings.camera if camera.magnetometer})


def _places(settings: Settings) -> dict[str, tuple[float, float]]:
    return {camera.name: (camera.latitude_deg, camera.longitude_deg) for camera in settings.camera}


def _fixed(url: str) -> Address:
    return lambda _: url


def _ovation(places: Mapping[str, tuple[float, float]]) -> Parse:
    return lambda data, now: parse.ovation(data, now, places)


def _gfz(base: str) -> Address:
    def address(now: datetime) -> str:
        asked = {"start": utc_text(now - timedelta(hours=6)), "end": utc_text(now), "index": "Hp30"}
        return f"{base.rstrip('/')}/app/json/?{urlencode(asked)}"

    return address


def _observatory(base: str, dataset: str) -> Feed:
    """A magnetic observatory over HAPI. Near real time is hours late at some: half a day is asked for."""

    def address(now: datetime) -> str:
        since, until = utc_text(now - timedelta(hours=12)), utc_text(now)
        asked = {"id": dataset, "parameters": "Field_Vector", "time.min": since, "time.max": until,
                 "include": "header"}  # fmt: skip
        return f"{base.rstrip('/')}/data?{urlencode(asked)}"

    station = station_of(dataset)
    return Feed(
        f"magnetometer {station}", "INTERMAGNET", "CC BY-NC 4.0", timedelta(minutes=15), address,
        lambda data, now: parse.hapi(data, now, station),
    )  # fmt: skip
