"""``aurorad setup`` at an address: the picture behind it, and what it takes to be let in."""

from __future__ import annotations

from typing import Any

from daemon.address import redact
from daemon.commands.setup_found import AS_GIVEN, Found, addresses, with_scheme
from daemon.commands.setup_talk import Answers, Talk, taken
from daemon.config import CameraSettings
from daemon.errors import FetchError, UsageError
from daemon.source import shown_certificate, user_agent
from daemon.source.access import Access
from daemon.source.fetch import Limits, fetch_bytes
from daemon.source.url import must_be_picture

TRY_S = 15.0


def at_address(where: str, answers: Answers, talk: Talk) -> Found:
    """The first address that gives a picture; what it needs to be let in is found out on the way.

    Raises UsageError where none does: with what the address as given answered, if it is a picture's own.
    """
    taken(CameraSettings, {"source": {"kind": "url", "url": with_scheme(where)}})
    source: dict[str, Any] = {"login": answers.login, "certificate_sha256": answers.certificate_sha256}
    why: list[str] = []
    tried = addresses(where)
    is_pictures_own = tried[0][0] == AS_GIVEN
    while tried:
        program, url = tried.pop(0)
        try:
            dated_by_server = _let_in(url, source, talk)
        except FetchError as error:
            why.append(str(error))
            if error.reason == "tls" and url.startswith("http:"):  # it sends everybody on to https
                tried, why = [(name, f"https{one[4:]}") for name, one in addresses(where)], []
            elif error.reason in ("dns", "connect", "timeout", "tls"):
                break  # nobody is there, or is not to be trusted: other pages of the same server are not either
            continue
        note = "the server does not say when a picture was made, so our own clock dates it"
        keys = {"kind": "url", "url": url, **{k: v for k, v in source.items() if v}, "time_from": "header"}
        return Found(program, keys, notes=() if dated_by_server else (note,))
    if is_pictures_own or len(why) == 1:
        raise UsageError(f"no picture found: {why[0]}")
    raise UsageError(
        f"no picture found: {redact(with_scheme(where))} gives none where Allsky and indi-allsky have theirs; "
        "give the picture's own address"
    )


def _let_in(url: str, source: dict[str, Any], talk: Talk) -> bool:
    """Ask for the picture; where the certificate is the server's own, or a login is wanted, see to it and ask again.

    What lets us in is kept in ``source``. Returns whether the server says when the picture was made.
    """
    try:
        return _gives_picture(url, source)
    except FetchError as error:
        if error.reason == "tls" and not source["certificate_sha256"] and url.startswith("https:"):
            shown = shown_certificate(url, TRY_S)
            talk.say(f"The server signed its own certificate; its SHA-256 fingerprint is {shown}")
            if not talk.agrees("Take this certificate, and no other, from now on?", True):
                raise
            source["certificate_sha256"] = shown
        elif error.reason == "forbidden" and not source["login"]:
            talk.say("The server wants a login")
            question = "Which variable holds user:password, as env:AURORAD_CAMERA_LOGIN?"
            source["login"] = talk.ask(question, None, "--login")
        else:
            raise
    return _gives_picture(url, source)


def _gives_picture(url: str, source: dict[str, Any]) -> bool:
    """Does the server say when the picture was made? Raises FetchError where it gives none."""
    keys = {"kind": "url", "url": url, **{k: v for k, v in source.items() if v}}
    settings = taken(CameraSettings, {"source": keys}).source
    limits = Limits(TRY_S, settings.max_bytes)
    head, data = fetch_bytes(url, limits, {"User-Agent": user_agent("")}, (200,), Access.of(settings))
    must_be_picture(data, redact(url))
    return "last-modified" in head.headers
