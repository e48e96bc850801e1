"""Web addresses as people may see them: without the secrets they carry."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from daemon.errors import FetchError


def redact(url: str) -> str:
    """The address without user, password, query values and fragment; one line, 200 characters at most.

    A query can carry a key, so none of its values is shown: ``https://host/still.jpg?…``.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(an address that cannot be read)"
    who = "***@" if "@" in parts.netloc else ""
    query = "?…" if parts.query else ""
    plain = f"{parts.scheme}://{who}{host}{parts.path}{query}"
    return "".join(c if c.isprintable() else "?" for c in plain)[:200]


def checked(url: str) -> str:
    """The address, where it is one that may be asked. Raises FetchError reason "address"."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise FetchError(
            "address", f"{redact(url)}: only http:// and https:// addresses are asked; check `url`"
        )
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
