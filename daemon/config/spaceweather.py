"""[space_weather]: which feeds of space weather are asked, and where."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from daemon.config.bounds import Number, Table, WebAddress, number

FeedName = Literal["solar wind", "kp", "hp30", "ovation", "magnetometer"]


class SpaceWeatherSettings(Table):
    """[space_weather]: what others measure or forecast, shown and recorded beside what the camera sees."""

    enabled: bool = Field(
        False, description="Ask the feeds below; off, nothing but the cameras' own addresses is asked."
    )
    feeds: tuple[FeedName, ...] = Field(
        ("solar wind", "kp", "hp30", "ovation", "magnetometer"),
        max_length=5,
        description="Feeds that are asked; the magnetometer needs a camera with `magnetometer`.",
    )
    noaa_url: WebAddress = Field(
        "https://services.swpc.noaa.gov", description="Where solar wind, Kp and OVATION come from."
    )
    gfz_url: WebAddress = Field("https://kp.gfz.de", description="Where Hp30 comes from.")
    hapi_url: WebAddress = Field(
        "https://imag-data.bgs.ac.uk/GIN_V1/hapi",
        description="HAPI server of the magnetic observatories.",
    )
    timeout_s: Number = number(20.0, 0.1, 120, "Limit on one request's whole time.")
