"""A key and a certificate that nobody trusts but who is told to, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def self_signed(folder: Path, name: str = "localhost") -> Path:
    """Both in one PEM file, the name a host name or an address. Skips where there is no openssl."""
    path, key = folder / "both.pem", folder / "key.pem"
    kind = "IP" if name[0].isdigit() else "DNS"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    names = ["-keyout", str(key), "-out", str(path), "-days", "2", "-subj", f"/CN={name}"]
    try:
        subprocess.run(
            [*command, *names, "-addext", f"subjectAltName={kind}:{name}"], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path
