"""[mqtt], [push]: the broker through which Home Assistant and others hear of the watch, and people's own phones."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from daemon.config.alerting import NotifySettings
from daemon.config.bounds import FilePath, Host, Number, Secret, Table, Text, Whole, number
from daemon.config.faults import Fault, Inconsistent
from daemon.config.secrets import resolve_secret

MQTT_CHANNEL, PUSH_CHANNEL = "mqtt", "push"
"""What these are called among the channels: in the outbox, the log and the metrics."""


def _topic(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", text):
        raise ValueError("must be the beginning of a topic: letters, digits, - and _, parts joined by /")
    return text


Topic = Annotated[Text, AfterValidator(_topic)]


class PushSettings(Table):
    """[push]: news to phones and browsers that subscribe on the page."""

    services: tuple[Host, ...] = Field(
        (
            "fcm.googleapis.com",
            "push.services.mozilla.com",
            "push.apple.com",
            "notify.windows.com",
        ),
        max_length=50,
        description="Push services (hosts and all below them) that a subscription may name; nobody else is ever asked.",
    )
    expire_min: Number = number(
        120.0,
        1,
        1440,
        "Minutes for which a message waits for a phone that is off or has no network.",
        why="by then the night is over",
    )


class MqttSettings(Table):
    """[mqtt]: an MQTT broker that gets state, events and pictures; Home Assistant finds the cameras by itself."""

    host: Host = Field("127.0.0.1", min_length=1, description="Host name or address of the broker.")
    port: Whole = number(1883, 1, 65535, "Port of the broker; 8883 is usual with `tls`.")
    user: Text = Field("", description="Login; empty: none.")
    password: Secret = Field("", description="Password of `user`; `env:` or `credential:` reference.")
    tls: bool = Field(False, description="Speak TLS, and check the broker's certificate.")
    ca: FilePath | None = Field(
        None,
        description="PEM file of the authority that signed the broker's certificate; none: the system's.",
    )
    topic: Topic = Field("aurorad", min_length=1, description="Beginning of every topic of ours.")
    discovery: Topic = Field(
        "homeassistant", description="Home Assistant's discovery prefix; empty: no discovery messages."
    )
    picture: bool = Field(True, description="Publish the newest picture, and that of an event.")
    expire_min: Number = number(
        720.0,
        0.01,
        10080,
        "Minutes after which an event that the broker has not taken is dropped.",
        why="nobody needs an alert a week later",
    )

    @model_validator(mode="after")
    def _consistent(self) -> MqttSettings:
        faults = []
        if self.password and not self.user:
            faults.append(Fault(("password",), "a `password` needs its `user`"))
        if self.ca is not None and not self.tls:
            faults.append(Fault(("ca",), "`ca` needs `tls = true`: without TLS no certificate is looked at"))
        if faults:
            raise Inconsistent(*faults)
        return self

    def secret(self) -> SecretStr | None:
        """The password, references resolved; None where there is no login. Raises ConfigError."""
        return resolve_secret(self.password) if self.user else None

    def channel(self) -> NotifySettings:
        """The broker as one of the channels: it hears of every change of every event, and of nothing else."""
        return NotifySettings(
            name=MQTT_CHANNEL,
            url="mqtt:",
            expire_min=self.expire_min,
            picture=self.picture,
        )
