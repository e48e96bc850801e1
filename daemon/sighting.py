"""What is in the sky, in words: which form, how bright, where, which way it goes. Pure.

A sighting is a row of the record, or anything else with its keys (:func:`of_observation`); a key that is
missing or None was not established, and then nothing is written about it. Alerts are in English; the page
hands in its own ``_``, which says the same in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from daemon import words
from daemon.description import COURSE
from daemon.observation import JUDGED, Description, Observation, Prediction, Verdict
from daemon.sky.geometry import compass_point
from daemon.text import Say, english
from daemon.words import MUCH_OF_THE_SKY

Sighting = Mapping[str, Any]

_WHOLE_SKY, _HALF = 0.3, 0.5
_LOW_DEG, _HIGH_DEG = 25.0, 60.0


DESCRIBED = tuple(field.name for field in fields(Description) if field.name not in ("mask", *COURSE))
"""What is told of one picture's description: all but the mask, and what only several can say."""


def of_one_picture(
    verdict: Verdict,
    reason: str,
    said: Prediction | None,
    heatmap_area: float | None,
    where: tuple[float | None, float | None],
    shown: Description | None,
) -> dict[str, Any]:
    """A picture's verdict with its figures, as ``aurorad classify --json`` and ``/api/classify`` give them.

    ``where``: azimuth and elevation. Each is None where it was not established.
    """
    return {
        "verdict": verdict,
        "reason": reason,
        "probability": said.probability if said else None,
        "calibrated_probability": said.calibrated_probability if said else None,
        "clear_probability": said.clear_probability if said else None,
        "heatmap_area": _to_4(heatmap_area),
        "azimuth_deg": where[0],
        "elevation_deg": where[1],
        **{name: _to_4(getattr(shown, name, None)) for name in DESCRIBED},
        "model_sha256": said.model_sha256 if said else None,
    }


def _to_4(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def of_observation(o: Observation) -> dict[str, Any]:
    """An observation's own sighting."""
    held = dict(vars(o.description)) if o.description else {}
    return held | {"azimuth_deg": o.azimuth_deg, "elevation_deg": o.elevation_deg}


def of_event(event: Sighting) -> dict[str, Any]:
    """The sighting of an event's brightest frame, from the event's row; its direction is not among it."""
    seen = {name: event.get(f"brightest_{name}") for name in ("level", "cover", "forms")}
    return seen | {"level": seen["level"] or None}  # no colour found: how strong it was is not known


def level_of(row: Sighting) -> int | None:
    """How strong, 0 to 6: the described level, or the colours' where there is none."""
    return row.get("colour_level") if row.get("level") is None else row["level"]


def cover_of(row: Sighting) -> float | None:
    """The described share of the sky, or the colours' where there is none."""
    return row.get("colour_cover") if row.get("level") is None else row["cover"]


def sure_of(row: Sighting) -> float | None:
    """The probability that a verdict rests on; of a picture without one about the sky it would speak for itself."""
    sure: float | None = row["calibrated_probability"] if row["verdict"] in JUDGED else None
    return sure


def brightness(row: Sighting) -> str:
    """``bright, over much of the sky``, of a row with aurora; empty of any other, and where it was not measured."""
    return words.brightness(level_of(row), cover_of(row)) if row.get("verdict") == "aurora" else ""


def sighting(seen: Sighting, _: Say = english) -> str:
    """``Bright rays overhead and to the north-west``; ``Aurora`` where nothing more is known."""
    text = _phrase(seen, _)
    return text[:1].upper() + text[1:]


def within(seen: Sighting, _: Say = english) -> str:
    """The same with its level, for the middle of a sentence: ``bright rays overhead, level 4``."""
    return _(", ").join(filter(None, [_phrase(seen, _), level(seen, _)]))


def over(camera: str, seen: Sighting, what: str = "Aurora") -> str:
    """``Aurora over Yellowknife: bright rays overhead``; no more than aurora where nothing else is known."""
    text = _phrase(seen, english).removeprefix("aurora").strip()
    return f"{what} over {camera}{f': {text}' if text else ''}"


def _phrase(seen: Sighting, _: Say) -> str:
    text, place = forms(seen, _), where(seen, _)
    looks = words.adjective(seen.get("level"))
    if looks and not seen.get("forms"):
        text = _("%(adjective)s aurora", adjective=_(looks))
    elif looks:
        text = _("%(adjective)s %(what)s", adjective=_(looks), what=text)
    if place:
        text = _("%(what)s %(place)s", what=text, place=place)
    return text


def forms(seen: Sighting, _: Say = english) -> str:
    """``rayed arc and patches``, at most two; ``aurora`` where no form is known."""
    held = seen.get("forms") or ()
    held = held.split() if isinstance(held, str) else list(held)
    line = next((name for name in ("band", "arc") if name in held), "")
    rayed = "rays" in held
    lines = {"band": _("rayed band") if rayed else _("band"), "arc": _("rayed arc") if rayed else _("arc")}
    others = {
        "corona": _("corona"),
        "rays": _("rays"),
        "patches": _("patches"),
        "diffuse": _("diffuse aurora"),
    }
    names = [lines[line]] if line else []
    names += [noun for name, noun in others.items() if name in held and not (line and name == "rays")]
    if "corona" in held and line:
        names = [others["corona"], lines[line]]
    if len(names) < 2:
        return names[0] if names else _("aurora")
    return _("%(one)s and %(other)s", one=names[0], other=names[1])


def where(seen: Sighting, _: Say = english) -> str:
    """``overhead and to the north-west``, ``low in the north``; empty where nothing is known of it."""
    cover, azimuth, elevation = (seen.get(key) for key in ("cover", "azimuth_deg", "elevation_deg"))
    around = seen.get("azimuth_to_deg") == 360 and seen.get("azimuth_from_deg") == 0
    if cover is not None and cover >= (_WHOLE_SKY if around else _HALF):
        return _("over the whole sky")
    if cover is not None and cover >= MUCH_OF_THE_SKY:
        return _("over much of the sky")
    if azimuth is None or elevation is None:
        return ""
    if elevation >= _HIGH_DEG and seen.get("overhead") is not False:
        return _("overhead")
    point = _(compass_point(azimuth))
    if seen.get("overhead"):
        return _("overhead and to the %(compass)s", compass=point)
    if elevation < _LOW_DEG:
        return _("low in the %(compass)s", compass=point)
    if elevation >= _HIGH_DEG:
        return _("high in the %(compass)s", compass=point)
    return _("in the %(compass)s", compass=point)


def level(seen: Sighting, _: Say = english) -> str:
    """``level 5 and rising``; empty where no level was found."""
    number = seen.get("level")
    if number is None:
        return ""
    if seen.get("trend") == "brightening":
        return _("level %(n)d and rising", n=number)
    if seen.get("trend") == "fading":
        return _("level %(n)d and falling", n=number)
    return _("level %(n)d", n=number)


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
