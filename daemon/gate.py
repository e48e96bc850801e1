"""SkyState → may we look, may we alert, and why not. Pure."""

from __future__ import annotations

from daemon.observation import Gate, SkyState, Twilight

DARK_ENOUGH = "dark enough"

_NAMES: dict[Twilight, str] = {
    "night": "night",
    "astronomical": "astronomical twilight",
    "nautical": "nautical twilight",
    "civil": "civil twilight",
    "day": "daylight",
}


def gate(sky: SkyState, look_below_deg: float, alert_below_deg: float) -> Gate:
    """Look when the sun is at or under ``look_below_deg``; alert when it is at or under both limits.

    The reason names the twilight and the sun's altitude, in the words a person would use. The moon
    shuts no gate: the model's threshold answers for it, per twilight × moonlight cell.
    """
    altitude_deg = sky.sun_altitude_deg
    seen = f"{_NAMES[sky.twilight]}: sun at {degrees_text(altitude_deg)}"
    if altitude_deg > look_below_deg:
        return Gate(look=False, alert=False, reason=seen)
    if altitude_deg > alert_below_deg:
        return Gate(look=True, alert=False, reason=f"too bright to alert: {seen.replace(':', ',')}")
    return Gate(look=True, alert=True, reason=DARK_ENOUGH)


def degrees_text(degrees: float) -> str:
    """One decimal and a true minus sign: ``−4.2°``; what rounds to nothing has no sign."""
    return f"{round(degrees, 1) + 0.0:.1f}°".replace("-", "\N{MINUS SIGN}")
