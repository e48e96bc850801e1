"""The sentences that the page's scripts put up, in the reader's language; ``{name}`` is filled in by the script."""

from __future__ import annotations

import json

from daemon.web.tongues import _


def as_json() -> str:
    """All of them, as the page's own attribute carries them."""
    return json.dumps(words(), ensure_ascii=False, separators=(",", ":"))


def words() -> dict[str, str]:
    """Each by the key that the scripts know it by."""
    return {
        "seconds": _("{n} s"),
        "minutes": _("{n} min"),
        "hours": _("{hours} h {minutes} min"),
        "days": _("{n} days"),
        "ago": _("{time} ago"),
        "in": _("in {time}"),
        "now": _("now"),
        "alone": _("No connection to the watch."),
        "aloneTitle": _("No connection"),
        "late": _("No new picture has come in time."),
        "noPictureTitle": _("No picture"),
        "notLive": _("not live"),
        "oldPicture": _("old picture"),
        "lateTitle": _("No new picture"),
        "old": _("What you see is old."),
        "of": _("{n} of {all}"),
        "play": _("Play"),
        "pause": _("Pause"),
        "playHour": _("▶ Last hour"),
        "stop": _("■ Stop"),
        "back": _("Back to now"),
        "copied": _("Link copied."),
        "notLoaded": _("The frames could not be loaded; load the page again."),
        "strength": _("strength {n} of 6"),
        "probability": _("probability {percent}"),
        "skippedOne": _("Skipped."),
        "undone": _("Undone: {label}."),
        "saved": _("Saved: {label}."),
        "notSaved": _("Not saved: {reason}."),
        "right": _("Marked right. Thank you."),
        "wrong": _("Marked wrong. Thank you."),
        "cantTell": _("Marked impossible to tell. Thank you."),
        "aurora": _("aurora"),
        "none": _("no aurora"),
        "obscured": _("obscured"),
        "skip": _("skipped"),
        "yourLabel": _("your label: {label}"),
        "labelled": _("{n} of {all} · {labelled} labelled"),
        "queueDone": _("That was the whole queue. Thank you."),
        "queueEmpty": _("This queue is empty."),
        "queueFailed": _("The queue could not be loaded; try again."),
        "nameFirst": _("Enter your name first: every label carries one."),
        "wholeSky": _("The whole sky, {where}"),
        "close": _("Close"),
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
        "fullScreen": _("The sky in full screen"),
    }
