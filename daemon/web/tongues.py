"""The page's languages: gettext catalogues in ``languages/``, and the one that the present request is answered in.

Sentences stand in the code in English; ``languages/<code>.po`` holds them in the others and
``<code>.mo`` is the same compiled, which the standard library reads. ``make languages`` brings both up to
date. The language is a context variable: set once a request by :mod:`daemon.web.asking`, English elsewhere.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent / "languages"
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "nb": "Norsk",
    "fr": "Français",
    "ko": "한국어",
    "ja": "日本語",
}
"""Code and own name of each."""

_ALSO = {"no": "nb", "nn": "nb"}  # what browsers send for Norwegian
_chosen: ContextVar[str] = ContextVar("aurorad_language", default="en")


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> gettext.NullTranslations:
    """A language's sentences; English where it has none."""
    path = HERE / f"{language}.mo"
    if language == "en" or not path.is_file():
        return gettext.NullTranslations()
    with path.open("rb") as opened:
        return gettext.GNUTranslations(opened)


def language() -> str:
    """The code of the language in force."""
    return _chosen.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Answer in a language for a while."""
    token = _chosen.set(code if code in LANGUAGES else "en")
    try:
        yield
    finally:
        _chosen.reset(token)


def _(text: str, **values: object) -> str:
    """A sentence in the reader's language; ``%(name)s`` is filled in from ``values``."""
    translated = catalogue(_chosen.get()).gettext(text)
    return translated % values if values else translated


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """A sentence that counts: ``%(n)d`` and what else is given are filled in."""
    return catalogue(_chosen.get()).ngettext(one, many, n) % {"n": n, **values}


def N_(text: str) -> str:  # gettext's own name for it
    """Marks a text for the catalogues that is translated later, where it is shown."""
    return text


def preferred(accept_language: str) -> str:
    """The first language that we have of an ``Accept-Language`` header, by its weights; else English."""
    ranked = []
    for place, part in enumerate(accept_language.split(",")[:20]):
        name, _semicolon, weight = part.partition(";")
        code = name.strip().lower().split("-")[0]
        ranked.append((-_weight(weight), place, _ALSO.get(code, code)))
    return next((code for weight, _place, code in sorted(ranked) if weight < 0 and code in LANGUAGES), "en")


def _weight(text: str) -> float:
    """``q=0.8`` → 0.8; 1 where it is not given, 0 where it cannot be read."""
    if not text.strip():
        return 1.0
    try:
        return float(text.strip().removeprefix("q="))
    except ValueError:
        return 0.0
