"""The verdict card: is it worth going out? One of six answers, decided from what is established. Pure.

============  ==========================================================================================
go            aurora that an event has confirmed, measured clearly visible or more, not through cloud
look          any other aurora: faint, not measured, seen once, or through cloud
wait          the sky is clear, without aurora
clouded       cloud or snow hides the sky
day           too light to watch
no picture    nothing of the present can be seen, or what came is no sky
============  ==========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from daemon.observation import Verdict
from daemon.web.present import Present, State
from daemon.web.sight import Sight, sight
from daemon.web.tongues import N_, _

Kind = Literal["go", "look", "wait", "clouded", "day", "no-picture"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GO_FROM_LEVEL = 3
"""Clearly visible: the least that is worth a coat."""

_WORDS: dict[Kind, str] = {
    "go": N_("Go now"),
    "look": N_("Look"),
    "wait": N_("Wait"),
    "clouded": N_("Clouded"),
    "day": N_("Day"),
    "no-picture": N_("No picture"),
}
_OF_VERDICT: dict[Verdict, Kind] = {
    "clear": "wait",
    "obscured": "clouded",
    "unusable": "no-picture",
    "not looked": "day",
    "stale": "no-picture",
}


@dataclass(frozen=True)
class Card:
    """``kind`` chooses colour and shape; ``word`` is read first, ``sentence`` says why."""

    kind: Kind
    word: str
    sentence: str
    next_step: str = ""


def kind_of(state: State, verdict: Verdict | None, seen: Sight | None, *, confirmed: bool) -> Kind:
    """Which of the six. ``seen`` is the newest frame's aurora; ``confirmed``: an event is under way."""
    if state == "too light":
        return "day"
    if state != "live" or verdict is None:
        return "no-picture"
    if seen is None:
        return _OF_VERDICT.get(verdict, "no-picture")
    worth_it = seen.level is not None and seen.level >= GO_FROM_LEVEL
    return "go" if confirmed and worth_it and not seen.through_cloud else "look"


def card(here: Present) -> Card:
    """The card of this moment."""
    row = here.row if here.state == "live" else None
    kind = kind_of(here.state, row["verdict"] if row else None, sight(row), confirmed=here.since is not None)
    finding = here.finding
    sentence = finding.sentence if finding.headline != _(_WORDS[kind]) else finding.detail
    return Card(kind, _(_WORDS[kind]), _as_sentence(sentence), finding.next_step)


def _as_sentence(text: str) -> str:
    """With a capital and a full stop; Japanese and Korean keep their own marks."""
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?。" else _("%(sentence)s.", sentence=text)
