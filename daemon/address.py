"""Addresses of feeds and channels: one way to read them, and one to show them without their secrets.

A login, a query and a fragment are always secrets. So is whatever an address may hide by being written
wrongly: a password with a ``/``, ``?``, ``#``, ``;`` or ``@`` in it ends where a parser thinks the path
begins. Such an address is refused where it is to be asked, and shown as its scheme alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from daemon.errors import FetchError

SHOWN = 200
"""Longest text of an address, in letters."""

HIDDEN = "(an address that cannot be read)"

_WEB = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#;\\]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_TOKEN = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{16,}")
"""A part of a path that may be a key: long, letters and digits, no file name."""


@dataclass(frozen=True)
class _Parts:
    """A web address taken apart: what may be shown, and what else there is."""

    scheme: str
    login: bool
    host: str
    path: str
    more: bool


def _parts(url: str) -> _Parts | None:
    """The address taken apart; None where it is none, or where its login may reach beyond the host."""
    found = _WEB.fullmatch(url)
    if found is None or not url.isprintable() or " " in url:
        return None
    login, at, host = found["authority"].rpartition("@")
    path = re.match(r"[^?#;=&@\\]*", found["rest"])
    assert path is not None
    if not _HOST.fullmatch(host) or "@" in found["rest"] or "@" in login:
        return None
    return _Parts(found["scheme"].lower(), bool(at), host, path[0], path[0] != found["rest"])


def redact(url: str) -> str:
    """The address without login, parameters, query and fragment; one line, 200 characters at most.

    A query can carry a key, so none of its values is shown: ``https://host/still.jpg?…``; of a part of
    the path that looks like one, nothing: ``https://host/…/still.jpg``.
    """
    parts = _parts(url)
    if parts is None:
        scheme = re.match(r"https?(?=:)", url, re.IGNORECASE)
        return f"{scheme[0].lower()}://… {HIDDEN}" if scheme else HIDDEN
    path = "/".join("…" if _TOKEN.fullmatch(part) else part for part in parts.path.split("/"))
    who, more = "***@" if parts.login else "", "?…" if parts.more else ""
    return f"{parts.scheme}://{who}{parts.host}{path}{more}"[:SHOWN]


def fault(url: str) -> str | None:
    """Why an address is none that can be asked for by HTTP, in words without any part of it; or None."""
    found = _WEB.fullmatch(url)
    if found is None:
        return "must be an address that begins with http:// or https:// and names a host"
    if _parts(url) is None and "@" in url:
        return (
            "must be an address in which user and password end at the one @ before the host, "
            "and / ? # ; @ within them are written %2F %3F %23 %3B %40"
        )
    return (
        None
        if _parts(url) is not None and is_web(url)
        else "must be an address with a host, and a port from 1 to 65535 if any"
    )


def is_web(url: str) -> bool:
    """Has it a scheme of the web, a host, and a port that exists? A redirect's target is asked no more."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def checked(url: str) -> str:
    """The address, where it is one that may be asked. Raises FetchError reason "address"."""
    wrong = fault(url)
    if wrong:
        raise FetchError("address", f"{redact(url)}: `url` {wrong}")
    return url


def without_login(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without its ``user:password@``, and those two (None where it has none)."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, None
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host).geturl(), (
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a login is good for."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def last_part(url: str) -> str:
    """The file name an address ends in."""
    return urlsplit(url).path.rpartition("/")[2] or "still"


def redact_text(text: str, secret: str) -> str:
    """A text of somebody else's without any address, and without any part of this one.

    Parts are found as written, decoded and encoded, down to the single word, for nobody knows where a
    program splits an address that is written wrongly; those of two or three letters only as words.
    """
    text = text.replace(secret, "…") if secret else text
    text = re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", "…", text)
    rest = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*:(//)?", "", secret.strip())
    plain = {rest, unquote(rest), unquote_plus(rest)}
    parts = {part for one in plain for sign in (r"[/:@?&=,]+", r"[\W_]+") for part in re.split(sign, one)}
    forms = {form for part in parts for form in _forms(part)}
    for form in sorted(forms, key=lambda form: (-len(form), form)):
        if len(form) >= 4:
            text = re.sub(re.escape(form), "…", text, flags=re.IGNORECASE)
        elif len(form) >= 2:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "…", text, flags=re.IGNORECASE)
    return " ".join(text.split())


def _forms(part: str) -> set[str]:
    """A part of an address as a program may write it."""
    plain = unquote(part)
    return {part, plain, quote(plain, safe=""), quote(plain), quote_plus(plain)} - {""}
