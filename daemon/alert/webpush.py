"""Web push: one message, encrypted for one browser, to its push service. cryptography lives here.

Apprise's ``vapid://`` keeps a message for a minute at most and says nothing of its urgency: a phone that
sleeps on the night table would never get it. So this is done here, in as much as it takes:
RFC 8291 (encryption), RFC 8188 (aes128gcm), RFC 8292 (who sends), RFC 8030 (the request).
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daemon import __version__
from daemon.errors import ConfigError, DeliveryError
from daemon.files import private, replacing
from daemon.subscribers import Subscriber

TIMEOUT_S = 15.0
MAX_TEXT_BYTES = 3900  # a push service takes 4096 bytes, and encryption adds 103
JWT_S = 12 * 3600  # the longest RFC 8292 allows is 24 h
Gone = httpx.codes.NOT_FOUND, httpx.codes.GONE


_MAKING = threading.Lock()
"""Two first askers get one key."""


class GoneError(DeliveryError):
    """The browser has ended its subscription."""


@dataclass(frozen=True)
class Post:
    """What is sent: text for the service worker, how long it is kept for a phone that sleeps, how urgent it is.

    Of messages with one ``topic`` that still wait, a phone gets the newest only.
    """

    text: str
    ttl_s: int
    urgency: str
    topic: str


def b64(data: bytes) -> str:
    """base64url without padding, as all of web push has it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Its inverse. Raises ValueError."""
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as 65 bytes."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def check_keys(p256dh: str, auth: str) -> None:
    """Raise ValueError where these are no keys that a message can be encrypted for."""
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(p256dh))
    if len(unb64(auth)) != 16:
        raise ValueError("`auth` is 16 bytes")


def encrypt(
    text: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes = b"",
) -> bytes:
    """The body of a push message (RFC 8291): one record, for the browser with these keys.

    ``sender`` and ``salt`` are for this message alone; they are given only to check against the RFC's example.
    """
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    ours = point(sender.public_key())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    shared = sender.exchange(ec.ECDH(), theirs)
    secret = _hkdf(auth, shared, b"WebPush: info\0" + p256dh + ours, 32)
    key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + (4096).to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, text + b"\x02", None)


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Identity:
    """Who sends: a key of this watch's own, made once and kept beside the subscribers, for its user alone."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where the key cannot be read or kept."""
        try:
            with _MAKING:
                self._key = _read(path) if path.exists() else _made(path)
        except (OSError, ValueError, TypeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no P-256 key"
            raise ConfigError(f"{path}: the key of web push cannot be used: {why}") from error

    @property
    def public(self) -> str:
        """What browsers subscribe with, base64url."""
        return b64(point(self._key.public_key()))

    def authorization(self, endpoint: str, contact: str, now_s: float) -> str:
        """The request's header (RFC 8292): that we are who the browser has subscribed to."""
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now_s) + JWT_S, "sub": contact}
        head = b64(b'{"typ":"JWT","alg":"ES256"}')
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={signed}.{signature}, k={self.public}"


def verified(authorization: str) -> dict[str, object]:
    """The claims of such a header whose signature is right. Raises ValueError; push services do the same."""
    given = dict(part.strip().split("=", 1) for part in authorization.removeprefix("vapid ").split(","))
    signed, _, signature = given["t"].rpartition(".")
    raw = unb64(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(given["k"]))
    try:
        key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ValueError("the signature is wrong") from None
    claims: dict[str, object] = json.loads(unb64(signed.split(".")[1]))
    return claims


def _read(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("no P-256 key")
    return key


def _made(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(path, durable=True) as part, private(part) as opened:
        opened.write(pem)
    return key


class Sender:
    """Gives messages to browsers' push services: one connection pool and one TLS context for all of a sending."""

    def __init__(self, identity: Identity, contact: str, trust: ssl.SSLContext | bool = True) -> None:
        self._identity, self._contact = identity, contact
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, verify=trust)

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, post: Post, to: Subscriber) -> None:
        """Give a message to a browser's push service; returning means that it took it.

        Raises GoneError where the subscription has ended, else DeliveryError; neither shows the address.
        """
        body = encrypt(post.text.encode()[:MAX_TEXT_BYTES], unb64(to.p256dh), unb64(to.auth))
        headers = {
            "authorization": self._identity.authorization(to.endpoint, self._contact, time.time()),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(post.ttl_s),
            "urgency": post.urgency,
            "topic": post.topic,
            "user-agent": f"aurorad/{__version__}",
        }
        try:
            reply = self._client.post(to.endpoint, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise DeliveryError(f"push to {to.id}: no answer ({type(error).__name__})") from None
        if reply.status_code in Gone:
            raise GoneError(f"push to {to.id}: the browser has ended its subscription")
        if not reply.is_success:
            raise DeliveryError(f"push to {to.id}: refused with {reply.status_code}")
