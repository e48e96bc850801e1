"""A channel that wants it gets a line on the solar wind; the others get none."""

from __future__ import annotations

from datetime import timedelta

from daemon.alert.message import compose
from daemon.config import CameraSettings, NotifySettings
from daemon.observation import EventChange
from tests.daemon.record.made import T0, event, observation

LINE = "Solar wind: Bz −8 nT for 20 min (NOAA SWPC, 4 min old; not seen here)."


def body(outlook: bool, line: str = LINE) -> list[str]:
    channel = NotifySettings(name="phone", url="json://127.0.0.1/", outlook=outlook)
    change = EventChange("onset", event(), T0 + timedelta(minutes=1))
    message = compose(change, observation(), CameraSettings(), channel, outlook=line)
    return message.body.splitlines()


def test_the_line_goes_to_those_who_asked_for_it() -> None:
    """Whole, before the link, and in no other channel's message."""
    assert LINE in body(outlook=True)
    assert LINE not in body(outlook=False)


def test_without_a_line_nothing_changes() -> None:
    """No recent reading: the message is as it is without space weather, with no empty line."""
    assert body(outlook=True, line="") == body(outlook=False)
    assert "" not in body(outlook=True, line="")
