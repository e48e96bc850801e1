"""Secrets: the configuration holds references, and this is where they are followed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pydantic import SecretStr

from daemon.errors import ConfigError


def resolve_secret(text: str) -> SecretStr:
    """A secret's value: ``env:NAME``, ``credential:NAME``, or the text itself. Raises ConfigError."""
    kind, _, name = text.partition(":")
    if kind in ("env", "credential") and not name:
        raise ConfigError(f"`{kind}:` names nothing; write {kind}:NAME")
    if kind == "env":
        value = os.environ.get(name) if "\0" not in name and "=" not in name else None
        if not value:
            raise ConfigError(f"the environment variable {name} is not set")
        return SecretStr(value)
    if kind == "credential":
        if "/" in name or "\0" in name:
            raise ConfigError(f"credential {name!r} is no plain file name; it names a file in one folder")
        folder = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/secrets"))
        # systemd puts the credential's own name before those of the files of a folder it loads.
        for file in (folder / name, folder / f"aurorad_{name}"):
            with contextlib.suppress(OSError, ValueError):
                if not file.is_file():  # a pipe would hold whoever reads it, the reload too
                    continue
                return SecretStr(file.read_text(encoding="utf-8").strip())
        raise ConfigError(f"no credential {name!r} in {folder}")
    return SecretStr(text)
