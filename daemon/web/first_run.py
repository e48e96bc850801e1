"""Setting up: what a watch needs, what it has, and the next step for what is missing. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config import Settings
from daemon.web.tongues import _

NIGHTS_OF_SETTING_UP = 3
"""After so many nights on record the list no longer leads the page."""


@dataclass(frozen=True)
class Step:
    """One thing a watch needs; ``next_step`` says what to do where it is not ``done``."""

    name: str
    done: bool
    next_step: str


def checklist(
    settings: Settings, camera: str, *, has_picture: bool, waits: bool = False, knows_north: bool = False
) -> list[Step]:
    """Picture, disc, north, alerts; empty for a camera that is not configured, or where all is done.

    ``waits``: no picture has been asked for yet, so that nothing is known to be wrong. ``knows_north``: the stars
    have shown how the camera is turned.
    """
    mine = next((each for each in settings.camera if each.name == camera), None)
    if mine is None:
        return []
    own_source = mine.source.kind != "auroramax"
    steps = [
        Step(
            _("Picture"),
            has_picture,
            _(
                "The watch asks for the first one once it is dark enough; “aurorad doctor” tries the camera at once."
            )
            if waits
            else _(
                "Check the address or folder under [camera.source]; “aurorad doctor” fetches a picture and says what"
                " is wrong."
            ),
        ),
        Step(
            _("Sky disc"),
            not own_source or bool(mine.disc.model_fields_set),
            _(
                "Call “aurorad calibrate” with a clear night’s picture: it finds the disc, and --write keeps it."
            ),
        ),
        Step(
            _("North"),
            knows_north or mine.orientation is not None,
            _("“aurorad calibrate” finds north from the stars; until then no direction is given."),
        ),
        Step(
            _("Alerts"),
            any(channel.audience != "operator" for channel in settings.channels),
            _("Add a [[notify]] table with a channel, then call “aurorad test-alert”."),
        ),
    ]
    return [] if all(step.done for step in steps) else steps
