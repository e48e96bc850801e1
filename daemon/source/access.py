"""How a server lets us in: login, certificate, cookies. What one source learns of its server stays with it.

A login goes to the server it is for and to no other, as Basic or as Digest, whichever the server wants. A
server is trusted because an authority says so (those of the system, or one of the owner's own), or because it
shows the very certificate that the owner wrote down: many a camera's is signed by nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import ssl
from collections.abc import Callable, Generator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from daemon.address import origin, redact, without_login
from daemon.config import SourceSettings, resolve_secret
from daemon.errors import ConfigError, FetchError


class Access:
    """What one source needs to be let in, kept from request to request; one thread at a time.

    ``login`` (user, password) is good for ``url``'s own server; without one, what stands in ``url`` itself is.
    ``ca_file`` (PEM) is trusted in place of the system's authorities; ``certificate_sha256`` (64 small hexadecimal
    digits) is that of the only certificate taken, whoever signed it and whatever name it bears.
    """

    def __init__(
        self,
        url: str,
        login: tuple[str, str] | None = None,
        *,
        ca_file: Path | None = None,
        certificate_sha256: str = "",
    ) -> None:
        self.url = url
        self._given = login
        self._ca_file, self._sha256 = ca_file, certificate_sha256

    @classmethod
    def of(cls, settings: SourceSettings) -> Access:
        """That of a camera's source. Raises ConfigError where its login is a secret that is not there."""
        return cls(
            settings.url,
            check_login(settings),
            ca_file=settings.ca_file,
            certificate_sha256=settings.certificate_sha256,
        )

    @cached_property
    def _login(self) -> Login | None:
        """Ours. Made with the first request, for only then is the address known to be one."""
        # What stands in an address was always sent at once; a login of its own waits on a plain line until it is
        # asked for, lest a server that wants Digest hear the password itself.
        at_once = self._given is None or self.url.startswith("https:")
        given = self._given or without_login(self.url)[1]
        return Login(*given, at_once=at_once) if given else None

    def login_for(self, url: str) -> Login | None:
        """The login for an address that is to be asked: its own, or ours where it is on our server."""
        if origin(url) == origin(self.url):
            return self._login
        own = without_login(url)[1]
        return Login(*own, at_once=True) if own else None

    def tls(self) -> ssl.SSLContext:
        """What a server must show. Raises FetchError where the authority's file cannot be read."""
        if self._sha256:
            return _pinned(self._sha256)
        if self._ca_file is None:
            return _system()
        try:
            return own_authority(self._ca_file)
        except OSError as error:
            raise FetchError("tls", f"{redact(self.url)}: {error}; check `ca_file`") from error


# ------------------------------------------------------------------- login


class Login:
    """User and password, and how the server wants them, once it has said so."""

    def __init__(self, user: str, password: str, *, at_once: bool) -> None:
        self._basic = httpx.BasicAuth(user, password)
        self._digest = httpx.DigestAuth(user, password)
        self._chosen: httpx.Auth | None = self._basic if at_once else None

    def requests(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Requests to make in turn, each answered by ``send``, until there is no other to try."""
        if self._chosen is self._digest:
            yield from self._asked(self._digest, request)
            return
        if self._chosen is self._basic:
            request = next(self._basic.auth_flow(request))
        response = yield request
        wanted = self._wanted(response)
        if response.status_code != 401 or wanted is None or wanted is self._chosen:
            return
        self._chosen = wanted
        request.headers.pop("Authorization", None)
        yield from self._asked(self._chosen, request, response)

    def _wanted(self, response: httpx.Response) -> httpx.Auth | None:
        """Digest where the server offers it, for then the password itself is not sent."""
        offers = response.headers.get_list("www-authenticate")
        schemes = {offer.strip().partition(" ")[0].lower() for offer in offers}
        return self._digest if "digest" in schemes else self._basic if "basic" in schemes else None

    @staticmethod
    def _asked(
        auth: httpx.Auth, request: httpx.Request, refusal: httpx.Response | None = None
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """The requests of one scheme; ``refusal`` is the answer that asks for it, where there is one yet."""
        flow = auth.auth_flow(request)
        try:
            following = next(flow)
            if refusal is not None and isinstance(auth, httpx.DigestAuth):
                following = flow.send(refusal)
            while True:
                response = yield following
                following = flow.send(response)
        except StopIteration:
            return
        except (KeyError, ValueError, NotImplementedError) as error:  # of an algorithm or a kind nobody knows
            raise httpx.ProtocolError("a login is asked for in an unknown way") from error


def check_login(settings: SourceSettings) -> tuple[str, str] | None:
    """User and password of a source's login, or None. Raises ConfigError, without any part of either."""
    if not settings.login:
        return None
    user, colon, password = resolve_secret(settings.login).get_secret_value().partition(":")
    if not user or not colon:
        raise ConfigError("it must be user:password, or an `env:` or `credential:` reference to that")
    return user, password


# ------------------------------------------------------------------- certificates


def shown_certificate(url: str, timeout_s: float) -> str:
    """The SHA-256 fingerprint of the certificate that a server shows now, whoever signed it.

    Nothing is sent to it but the handshake. Raises FetchError.
    """
    parts = urlsplit(url)
    try:
        pem = ssl.get_server_certificate((parts.hostname or "", parts.port or 443), timeout=timeout_s)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except (OSError, ValueError) as error:
        raise FetchError("tls", f"{redact(url)}: shows no certificate; is it https?") from error


@lru_cache(maxsize=1)
def _system() -> ssl.SSLContext:
    """One context for all requests: loading the certificates takes some 20 ms."""
    return httpx.create_ssl_context()


def own_authority(file: Path) -> ssl.SSLContext:
    """Trust in one authority alone. Raises OSError (ssl.SSLError is one) for what is no such file."""
    return _own_authority(file, os.stat(file).st_mtime_ns)


@lru_cache(maxsize=32)
def _own_authority(file: Path, _modified_ns: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file)


@lru_cache(maxsize=32)
def _pinned(sha256: str) -> ssl.SSLContext:
    """Trust in one certificate alone: it is looked at in the handshake, before a word is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    class Pinned(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            _must_match(self.getpeercert(True), sha256)

    context.sslsocket_class = Pinned
    return context


def _must_match(shown: bytes | None, sha256: str) -> None:
    found = hashlib.sha256(shown or b"").hexdigest()
    if not hmac.compare_digest(found, sha256):
        error = ssl.SSLCertVerificationError("another certificate")
        error.verify_message = f"another certificate than the one written down, sha256 {found}"
        raise error


def answered(
    client: httpx.Client, request: httpx.Request, login: Login | None, late: Callable[[], None]
) -> httpx.Response:
    """The server's answer, its body not yet read; the caller closes it. ``late`` raises when the time is up."""
    requests: Generator[httpx.Request, httpx.Response, Any] | None = (
        login.requests(request) if login else None
    )
    following = next(requests) if requests else request
    while True:
        try:
            response = client.send(following, stream=True, auth=None)
        except UnicodeError as error:  # cookies that no header takes, brought back on a redirect
            raise httpx.ProtocolError("the server's cookies are no text") from error
        if requests is None:
            return response
        try:
            following = requests.send(response)
        except StopIteration:
            return response
        except BaseException:
            response.close()
            raise
        response.close()  # unread: what a refusal has to say can be without end
        late()
