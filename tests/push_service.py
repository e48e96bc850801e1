"""A push service and a browser that subscribed to it: both ends of web push, on loopback, over TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daemon.alert.webpush import b64, point, verified
from tests.loopback import Loopback


def decrypt(body: bytes, key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """RFC 8291 from the browser's side."""
    salt, length = body[:16], body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))

    def derive(salt: bytes, secret: bytes, info: bytes, size: int) -> bytes:
        return HKDF(hashes.SHA256(), size, salt, info).derive(secret)

    secret = derive(auth, shared, b"WebPush: info\0" + point(key.public_key()) + sender, 32)
    opened = AESGCM(derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)).decrypt(
        derive(salt, secret, b"Content-Encoding: nonce\0", 12), sealed, None
    )
    assert opened.endswith(b"\x02")
    return opened[:-1]


class PushService:
    """Takes messages for its browsers; ``answer`` is what it says to each path, 201 otherwise."""

    def __init__(self, folder: Path) -> None:
        pem = folder / "push-service.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", pem, "-out", folder / "certificate"], check=True, capture_output=True,
        )  # fmt: skip
        with pem.open("a") as opened:
            opened.write((folder / "certificate").read_text())
        self.trust = ssl.create_default_context(cafile=str(folder / "certificate"))
        self.answer: dict[str, int] = {}
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                verified(self.headers["authorization"])
                status = service.answer.get(self.path, 201)
                if status < 300:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    service.got.append((self.path, headers, body))
                self.send_response(status)
                self.end_headers()

        self._server = Loopback(Handler, pem)
        self.address = f"https://localhost:{self._server.place.rpartition(':')[2]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


class Browser:
    """Somebody's phone: its subscription, and what it was sent."""

    def __init__(self, service: PushService, name: str) -> None:
        self.path = f"/{name}"
        self._service = service
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = bytes(range(16))
        self.subscription = {
            "endpoint": f"{service.address}{self.path}",
            "p256dh": b64(point(self.key.public_key())),
            "auth": b64(self.auth),
        }

    @property
    def got(self) -> list[dict[str, Any]]:
        """The messages as its service worker reads them."""
        return [
            json.loads(decrypt(body, self.key, self.auth))
            for path, _, body in self._service.got
            if path == self.path
        ]

    @property
    def headers(self) -> dict[str, str]:
        """Of the newest request for it."""
        return [headers for path, headers, _ in self._service.got if path == self.path][-1]
