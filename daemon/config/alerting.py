"""[gate], [event], [sky], [[notify]]: when to look, what counts as an event and as clear, who gets messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from daemon.config.bounds import Name, Number, Secret, Table, Text, Whole, number
from daemon.config.faults import Fault, Inconsistent
from daemon.config.secrets import resolve_secret
from daemon.event import Rules
from daemon.observation import EventChangeKind


class GateSettings(Table):
    """[gate]: when to look and when to alert."""

    look_below_deg: Number = number(
        -6.0,
        -30,
        90,
        "Sun altitude at or under which we look.",
        why_least="the sun is seldom lower than that",
    )
    alert_below_deg: Number = number(
        -12.0,
        -30,
        90,
        "Sun altitude at or under which aurora alerts may go out.",
        why_least="the sun is seldom lower than that",
    )


class EventSettings(Table):
    """[event]: hysteresis in probability and time. Probabilities are calibrated ones."""

    on: Number | None = number(
        Rules.on,
        0,
        1,
        "Probability that counts towards an onset; none: the model's own threshold of the sky cell.",
        inside=True,
    )
    off: Number | None = number(
        Rules.off, 0, 1, "Probability below which an event fades; none: half of `on`.", inside=True
    )
    confirm: Whole = number(Rules.confirm, 1, 1000, "k: frames at or above `on` …")
    of: Whole = number(
        Rules.of, 1, 1000, "… among the last n frames looked at.", why="a night has no more frames"
    )
    sure: Number = number(
        Rules.sure,
        0,
        1,
        "Probability at which a frame has its whole weight: k such frames begin an event, less sure ones take longer.",
        inside=True,
    )
    look_again_s: Number = number(
        Rules.look_again.total_seconds(),
        1,
        3600,
        "Seconds to the next look after a frame at or above `on` that is no event yet, if under half a cadence.",
        why="the slowest cadence",
    )
    dwell_min: Number = number(
        Rules.dwell.total_seconds() / 60,
        0.01,
        1440,
        "Minutes below `off` that end an event.",
        why="no night is longer than a day",
    )
    strong_level: Whole = number(
        Rules.strong_level,
        1,
        7,
        "Level from which an event is strong: 5 bright over much of the sky or suddenly, 6 breakup, 7 never.",
        why="levels go to 6",
    )
    cool_down_min: Number = number(
        Rules.cool_down.total_seconds() / 60,
        0,
        10080,
        "Minutes after an event in which a new one sends no message.",
        why="a week of silence is more than a cool-down",
    )

    def rules(self, cadence_s: float) -> Rules:
        """These settings as the rules that :func:`daemon.event.step` follows, for a camera of that cadence."""
        return Rules(
            on=self.on,
            off=self.off,
            confirm=self.confirm,
            of=self.of,
            sure=self.sure,
            dwell=timedelta(minutes=self.dwell_min),
            strong_level=self.strong_level,
            cool_down=timedelta(minutes=self.cool_down_min),
            cadence=timedelta(seconds=cadence_s),
            look_again=timedelta(seconds=self.look_again_s),
        )

    @model_validator(mode="after")
    def _consistent(self) -> EventSettings:
        faults = []
        if self.confirm > self.of:
            faults.append(Fault(("confirm",), "`confirm` is larger than `of`: so many frames never come"))
        if self.on is not None and self.off is not None and self.off > self.on:
            faults.append(Fault(("off",), "`off` is above `on`: an event would end as it begins"))
        if faults:
            raise Inconsistent(*faults)
        return self


class SkySettings(Table):
    """[sky]: messages that it clears and that it clouds over."""

    hold_min: Number = number(
        20.0,
        1,
        720,
        "Minutes that the sky must have been clear, or covered, before a message says so.",
        why="half a day of the same sky is no news",
    )


class NotifySettings(Table):
    """[[notify]]: one channel people or operators get messages through."""

    name: Name = Field(description="Short name of the channel, used in logs and metrics.")
    url: Secret = Field(description="Apprise address, or an `env:` / `credential:` reference to one.")
    audience: Literal["aurora", "operator", "both"] = Field(
        "aurora", description="Who listens: people waiting for aurora, or whoever runs the camera."
    )
    cameras: tuple[Text, ...] = Field(
        (), max_length=1000, description="Cameras this channel hears of; none: all."
    )
    kinds: tuple[EventChangeKind | Literal["summary", "clears", "clouds over"], ...] = Field(
        ("onset", "strong", "over"),
        max_length=10,
        description="Messages sent; add `stronger` for every new highest level, `summary` for the morning summary, `clears` and `clouds over` for the sky.",
    )
    min_level: Whole = number(
        0, 0, 6, "Level, 0 to 6, from which this channel hears of aurora.", why="levels go to 6"
    )
    min_cover: Number = number(0.0, 0, 1, "Share of the sky in aurora from which it does.")
    forms: tuple[Literal["arc", "band", "rays", "patches", "diffuse", "corona"], ...] = Field(
        (), max_length=6, description="Forms of which one must be seen before it does; none: any."
    )
    expire_min: Number = number(
        720.0,
        0.01,
        10080,
        "Minutes after which an undelivered message is dropped.",
        why="nobody needs an alert a week later",
    )
    picture: bool = Field(True, description="Attach the picture.")
    outlook: bool = Field(
        False,
        description="Add a line on the solar wind, marked as not seen here; needs [space_weather].",
    )

    @model_validator(mode="after")
    def _hears_something(self) -> NotifySettings:
        if not self.kinds and self.audience != "operator":
            raise Inconsistent(
                Fault(
                    ("kinds",),
                    "`kinds` is empty: this channel would hear of no aurora; leave `kinds` out, or set"
                    ' audience = "operator"',
                )
            )
        return self

    def hears(self, kind: str, camera: str) -> bool:
        """Does this channel get messages of that kind (``operator`` or one of ``kinds``) about the camera?

        ``camera`` is empty for what concerns the whole watch.
        """
        if camera and self.cameras and camera not in self.cameras:
            return False
        if kind == "operator":
            return self.audience in ("operator", "both")
        return self.audience != "operator" and kind in self.kinds

    @property
    def has_thresholds(self) -> bool:
        """Does it wait for more than aurora?"""
        return bool(self.min_level or self.min_cover or self.forms)

    def address(self) -> SecretStr:
        """The Apprise address, references resolved."""
        return resolve_secret(self.url)
