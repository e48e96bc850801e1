"""The gate's decision and its words."""

from datetime import UTC, datetime

import pytest

from daemon.gate import degrees_text, gate
from daemon.observation import SkyState
from daemon.sky.ephemeris import twilight_class


def _sky(sun_altitude_deg: float) -> SkyState:
    return SkyState(
        at=datetime(2024, 2, 10, tzinfo=UTC),
        sun_altitude_deg=sun_altitude_deg,
        sun_azimuth_deg=0.0,
        moon_altitude_deg=30.0,
        moon_azimuth_deg=0.0,
        moon_phase_deg=180.0,
        twilight=twilight_class(sun_altitude_deg),
        moonlight="full",
    )


@pytest.mark.parametrize(
    ("sun", "look", "alert", "reason"),
    [
        (12.34, False, False, "daylight: sun at 12.3°"),
        (-4.2, False, False, "civil twilight: sun at −4.2°"),
        (-6.0, True, False, "too bright to alert: nautical twilight, sun at −6.0°"),
        (-11.96, True, False, "too bright to alert: nautical twilight, sun at −12.0°"),
        (-12.0, True, True, "dark enough"),
        (-40.0, True, True, "dark enough"),
    ],
)
def test_default_limits(sun: float, look: bool, alert: bool, reason: str) -> None:
    """Under −6° we look, under −12° we alert, the limits included; every no has its reason."""
    got = gate(_sky(sun), look_below_deg=-6.0, alert_below_deg=-12.0)
    assert (got.look, got.alert, got.reason) == (look, alert, reason)


def test_never_alert_without_looking() -> None:
    """An alert limit above the look limit does not open the alert gate by itself."""
    assert not gate(_sky(-8.0), look_below_deg=-10.0, alert_below_deg=-6.0).alert


def test_the_moon_shuts_no_gate() -> None:
    """A full moon in a dark sky is looked at and alerted on."""
    assert gate(_sky(-30.0), -6.0, -12.0).alert


def test_zero_has_no_sign() -> None:
    """What rounds to zero is written without a minus."""
    assert (degrees_text(-0.04), degrees_text(-0.06)) == ("0.0°", "−0.1°")
