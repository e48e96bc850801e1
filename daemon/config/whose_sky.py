"""Whose sky? What a camera must say of itself, lest it silently be AuroraMAX at Yellowknife.

The defaults of a ``[[camera]]`` table are AuroraMAX's own. For any other camera each of them is a wrong
answer that looks like a right one: pictures of another sky, the sun of another place, a disc cut beside the
sky, a clock read where there is none. Only the camera called for AuroraMAX may leave them out.
"""

from __future__ import annotations

from collections.abc import Iterator

from daemon.config.faults import Fault
from daemon.config.source import SourceSettings
from daemon.config.tables import CameraSettings, Settings

AURORAMAX = ("yellowknife", "auroramax")
"""Names of the camera whose defaults these are."""

SAME_TOWN_DEG = 1.0
"""Farther from Yellowknife's coordinates than this is another sky."""


def borrowed(settings: Settings, *, calibrating: bool = False) -> Iterator[Fault]:
    """What a camera would silently take from AuroraMAX: its place, its disc, its stamp, its address.

    ``calibrating`` a camera needs no disc: that is looked for.
    """
    for number, camera in enumerate(settings.camera):
        where = ("camera", number)
        if _is_auroramax(camera):
            yield from (Fault((*where, key), message) for key, message in _elsewhere(camera))
            continue
        missing = list(_missing(camera, calibrating))
        if missing:
            listed = ", ".join(missing)
            which = repr(camera.name) if "name" in camera.model_fields_set else "without a name"
            yield Fault(where, f"[[camera]] {which} is not AuroraMAX and must have its own {listed}")


def without_source(settings: Settings) -> Iterator[Fault]:
    """Cameras that do not say where their pictures come from, and are not AuroraMAX."""
    for number, camera in enumerate(settings.camera):
        if not _is_auroramax(camera) and "kind" not in camera.source.model_fields_set:
            yield Fault(
                ("camera", number),
                f"[[camera]] {camera.name!r} does not say where its pictures come from: add [camera.source] with "
                '`kind` = "url" or "folder" ("auroramax" for AuroraMAX at Yellowknife)',
            )


def _is_auroramax(camera: CameraSettings) -> bool:
    """By its name, or because it says so; never where its pictures come from somewhere else."""
    chosen = "kind" in camera.source.model_fields_set
    return camera.source.kind == "auroramax" and (chosen or camera.name in AURORAMAX)


def _missing(camera: CameraSettings, calibrating: bool) -> Iterator[str]:
    """The keys of a camera's own that it lacks, as a person would write them."""
    given = camera.model_fields_set
    for key in ("name", "latitude_deg", "longitude_deg", "timezone"):
        if key not in given:
            yield f"`{key}`"
    if "disc" not in given and not calibrating:
        yield "[camera.disc] (`aurorad calibrate` finds it)"
    if "stamp" not in given:
        yield "[camera.stamp] (or `stamp = false`)"
    elif camera.stamp and "region" not in camera.stamp.model_fields_set:
        yield "`region` in [camera.stamp]"
    if camera.source.kind == "url" and "url" not in camera.source.model_fields_set:
        yield "`url` in [camera.source]"


def _elsewhere(camera: CameraSettings) -> Iterator[tuple[str, str]]:
    """AuroraMAX's own address for a camera that stands somewhere else."""
    if camera.source.url != SourceSettings().url:
        return
    for key in ("latitude_deg", "longitude_deg"):
        own, here = getattr(camera, key), CameraSettings.model_fields[key].default
        if abs(own - here) > SAME_TOWN_DEG:
            yield (
                key,
                (
                    f"`camera.{key}` is not Yellowknife's, and the pictures are AuroraMAX's of Yellowknife: "
                    "give [camera.source] of this camera's own"
                ),
            )
            return
