"""What is in the sky, in words: which form, how bright, where, which way it goes. Pure.

A sighting is a row of the record, or anything else with its keys (:func:`of_observation`); a key that is
missing or None was not established, and then nothing is written about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.observation import Observation
from daemon.sky.geometry import compass_point
from daemon.words import MUCH_OF_THE_SKY

Sighting = Mapping[str, Any]

LEVELS = (
    "no aurora",
    "faint",
    "visible",
    "clearly visible",
    "bright",
    "bright over much of the sky or suddenly brighter",
    "breakup",
)
"""The levels in words, by number."""

_ADJECTIVES = ("", "faint", "", "clearly visible", "bright", "bright", "very bright")
_WHOLE_SKY, _HALF = 0.3, 0.5
_LOW_DEG, _HIGH_DEG = 25.0, 60.0


def of_observation(o: Observation) -> dict[str, Any]:
    """An observation's own sighting."""
    held = dict(vars(o.description)) if o.description else {}
    return held | {"azimuth_deg": o.azimuth_deg, "elevation_deg": o.elevation_deg}


def sighting(seen: Sighting) -> str:
    """``Bright rays overhead and to the north-west``; ``Aurora`` where nothing more is known."""
    adjective = _ADJECTIVES[seen.get("level") or 0]
    text = " ".join(filter(None, [adjective, forms(seen), where(seen)]))
    return text[:1].upper() + text[1:]


def forms(seen: Sighting) -> str:
    """``rayed arc and patches``, at most two; ``aurora`` where no form is known."""
    held = seen.get("forms") or ()
    held = held.split() if isinstance(held, str) else list(held)
    line = next((name for name in ("band", "arc") if name in held), "")
    if line and "rays" in held:
        line = f"rayed {line}"
    others = [("corona", "corona"), ("rays", "rays"), ("patches", "patches"), ("diffuse", "diffuse aurora")]
    names = [line] if line else []
    names += [noun for name, noun in others if name in held and not (line and name == "rays")]
    if "corona" in held and line:
        names = ["corona", line]
    return " and ".join(names[:2]) or "aurora"


def where(seen: Sighting) -> str:
    """``overhead and to the north-west``, ``low in the north``; empty where nothing is known of it."""
    cover, azimuth, elevation = (seen.get(key) for key in ("cover", "azimuth_deg", "elevation_deg"))
    around = seen.get("azimuth_to_deg") == 360 and seen.get("azimuth_from_deg") == 0
    if cover is not None and cover >= (_WHOLE_SKY if around else _HALF):
        return "over the whole sky"
    if cover is not None and cover >= MUCH_OF_THE_SKY:
        return "over much of the sky"
    if azimuth is None or elevation is None:
        return ""
    if elevation >= _HIGH_DEG and seen.get("overhead") is not False:
        return "overhead"
    point = compass_point(azimuth)
    if seen.get("overhead"):
        return f"overhead and to the {point}"
    height = "low in" if elevation < _LOW_DEG else "high in" if elevation >= _HIGH_DEG else "in"
    return f"{height} the {point}"


def level(seen: Sighting) -> str:
    """``level 5 and rising``; empty where no level was found."""
    number = seen.get("level")
    if number is None:
        return ""
    goes = {"brightening": " and rising", "fading": " and falling"}.get(seen.get("trend") or "", "")
    return f"level {number}{goes}"


def headline(seen: Sighting) -> str:
    """``Bright rays overhead and to the north-west, level 5 and rising``."""
    return ", ".join(filter(None, [sighting(seen), level(seen)]))


def look(seen: Sighting) -> str:
    """``Brightest in the south-east, 35° up.``: where to turn; empty where the direction is not known."""
    azimuth, elevation = seen.get("azimuth_deg"), seen.get("elevation_deg")
    if azimuth is None or elevation is None:
        return ""
    if elevation >= _HIGH_DEG:
        return "Brightest overhead: look straight up."
    return f"Brightest in the {compass_point(azimuth)} (azimuth {azimuth:.0f}°), {elevation:.0f}° up{_away(seen)}."


def _away(seen: Sighting) -> str:
    distance = seen.get("distance_km")
    return "" if distance is None else f", about {round(distance, -1):.0f} km away"


def movement(seen: Sighting) -> str:
    """``Moving poleward and spreading.``; empty where it keeps its place or nothing is known."""
    drift, spread = seen.get("drift"), seen.get("spread")
    words = [f"moving {drift}"] if drift in ("poleward", "equatorward") else []
    words += {"expanding": ["spreading"], "shrinking": ["shrinking"]}.get(spread or "", [])
    text = " and ".join(words)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def colours(seen: Sighting) -> str:
    """``Colour: mostly green, some pink.``; empty where none was measured. A colour counts from a twentieth."""
    shares: Sequence[tuple[str, float]] = [
        (name, seen.get(f"{name}_share") or 0.0) for name in ("green", "red", "pink", "purple")
    ]
    seen_ones = sorted((one for one in shares if one[1] >= 0.05), key=lambda one: -one[1])
    if not seen_ones:
        return ""
    (most, share), *others = seen_ones
    first = f"mostly {most}" if others or share < 0.9 else most
    return f"Colour: {', '.join([first, *(f'some {name}' for name, _ in others)])}."
