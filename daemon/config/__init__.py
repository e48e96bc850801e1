"""TOML + environment + credentials → settings. Unknown keys are refused, and every fault has its line.

``deploy/aurorad.toml`` documents every key. Secrets stand in the file only as references:
``env:NAME`` is read from the environment, ``credential:NAME`` from the folder systemd names in
``CREDENTIALS_DIRECTORY`` (or ``/run/secrets``, where Docker puts them).

    tables, alerting, home, machine (what there is to set) · bounds (of numbers and texts) · file (reading) · faults (the words)
    lines (of the file) · whose_sky (what a camera must say of itself) · secrets
"""

from daemon.config.alerting import EventSettings, GateSettings, NotifySettings
from daemon.config.bounds import Table
from daemon.config.faults import Fault, Inconsistent, dotted, validated
from daemon.config.file import error_of, load, user_state_dir, without_place
from daemon.config.home import MQTT_CHANNEL, PUSH_CHANNEL, MqttSettings, PushSettings
from daemon.config.machine import DaemonSettings, ModelSettings
from daemon.config.secrets import resolve_secret
from daemon.config.source import SourceSettings
from daemon.config.spaceweather import SpaceWeatherSettings
from daemon.config.tables import (
    SLOWEST_S,
    CameraSettings,
    DiscSettings,
    OrientationSettings,
    Settings,
    StampSettings,
)
from daemon.errors import ConfigError

__all__ = [
    "MQTT_CHANNEL",
    "PUSH_CHANNEL",
    "SLOWEST_S",
    "CameraSettings",
    "ConfigError",
    "DaemonSettings",
    "DiscSettings",
    "EventSettings",
    "Fault",
    "GateSettings",
    "Inconsistent",
    "ModelSettings",
    "MqttSettings",
    "NotifySettings",
    "OrientationSettings",
    "PushSettings",
    "Settings",
    "SourceSettings",
    "SpaceWeatherSettings",
    "StampSettings",
    "Table",
    "dotted",
    "error_of",
    "load",
    "resolve_secret",
    "user_state_dir",
    "validated",
    "without_place",
]
