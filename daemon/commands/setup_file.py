"""What ``aurorad setup`` writes: a small configuration, and how to start with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from daemon import preflight
from daemon.commands.setup_talk import taken
from daemon.config import CameraSettings, DaemonSettings, error_of, load, without_place
from daemon.errors import ConfigError, UsageError
from daemon.files import replacing

HIDDEN = ("/home", "/root", "/run/user")
"""What the unit's ProtectHome hides: a folder in there is let in by name."""


@dataclass(frozen=True)
class Plan:
    """What the file will hold. ``optics`` is [camera.disc] and [camera.orientation] as text; AuroraMAX has none.

    ``state_dir`` is None where nobody named one: then each way to start keeps the record where it may write.
    """

    state_dir: Path | None = None
    camera: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    optics: str = ""
    notify: str = ""
    program: str = ""

    def text(self) -> str:
        """The file."""
        made = f"for {self.program}" if self.program else "for AuroraMAX at Yellowknife"
        lines = [
            f"# Written by `aurorad setup` {made}. Every key there is, with its default: deploy/aurorad.toml",
            "",
        ]
        if self.state_dir:
            lines += _table("[daemon]", {"state_dir": str(self.state_dir)})
        if self.camera:
            lines += _table("[[camera]]", self.camera)
            lines += [*self.optics.strip().splitlines(), ""]
            lines += _table("[camera.source]", self.source)
        if self.notify:
            lines += _table("[[notify]]", {"name": "phone", "url": self.notify})
        return "\n".join(lines)

    def settings(self) -> CameraSettings:
        """The camera as far as it is known, to try things with. Raises UsageError."""
        return taken(CameraSettings, {**self.camera, "source": dict(self.source)})


def _table(header: str, keys: Mapping[str, Any]) -> list[str]:
    return [header, *(f"{key} = {_value(value)}" for key, value in keys.items()), ""]


def _value(value: Any) -> str:
    """A text, a number or a switch as TOML writes it: JSON's forms are TOML's too."""
    return json.dumps(value, ensure_ascii=False)


def must_not_be_there(file: Path, may_replace: bool) -> None:
    """Raises UsageError where a file would be lost that nobody said may be."""
    if file.exists() and not may_replace:
        raise UsageError(f"{file} is there already; name another with --config, or add --replace")


def write(plan: Plan, file: Path) -> None:
    """The file, whole or not at all, once all in it can be used. Readable by this user alone: it may hold an address
    that is a secret. Raises ConfigError, UsageError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as new:
            new.touch(mode=0o600)
            new.write_text(plan.text(), encoding="utf-8")
            faults = list(preflight.faults_in(load(new, watching=True)))
            if faults:
                raise error_of(faults, new)
    except ConfigError as error:  # of the hidden file that was to become this one
        raise ConfigError(*(f"{file} is not written: {one}" for one in without_place(error, new))) from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name another file with --config") from error


# ------------------------------------------------------------------- how to start


def how_to_start(plan: Plan, file: Path) -> list[str]:
    """Lines for a person to copy into a shell: by hand, under systemd, in a container."""
    given = quote(str(file.absolute()))
    folder = Path(str(plan.source["path"])) if "path" in plan.source else None
    return [
        "Start it in one of these ways:",
        f"  by hand         aurorad run --config {given}",
        *_systemd(given, folder, plan.state_dir),
        *_docker(file.absolute(), folder),
        f"Change it         the file itself; then aurorad check-config {given}",
    ]


def _systemd(given: str, folder: Path | None, state_dir: Path | None) -> Sequence[str]:
    lines = [
        "  as a service    sudo deploy/install.sh --no-start      # in a checkout of aurorad",
        f"                  sudo install -m 640 -g aurorad-config {given} /etc/aurorad/aurorad.toml",
    ]
    if state_dir is not None and state_dir != DaemonSettings().state_dir:  # the unit may write nowhere else
        lines.append("                  sudo sed -i '/^state_dir = /d' /etc/aurorad/aurorad.toml")
    if folder is not None and any(map(folder.is_relative_to, HIDDEN)):
        unit = "/etc/systemd/system/aurorad.service.d/pictures.conf"
        lines += [
            "                  sudo mkdir -p /etc/systemd/system/aurorad.service.d",
            f"                  printf '%s\\n' '[Service]' {quote(_let_in(folder))} | sudo tee {unit}",
        ]
    return [*lines, "                  sudo systemctl daemon-reload && sudo systemctl enable --now aurorad"]


def _let_in(folder: Path) -> str:
    """The unit's line; systemd parts paths at spaces unless they are quoted, and expands ``%``."""
    escaped = str(folder).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return (
        f"BindReadOnlyPaths={folder}"
        if escaped.split() == [str(folder)]
        else f'BindReadOnlyPaths="{escaped}"'
    )


def _docker(file: Path, folder: Path | None) -> Sequence[str]:
    config = quote(f"{file}:/etc/aurorad/aurorad.toml:ro")
    pictures = f" -v {quote(f'{folder}:{folder}:ro')}" if folder is not None else ""
    return [
        f"  in a container  chmod o+r {quote(str(file))}   # a secret belongs outside it: env:NAME or credential:NAME",
        f"                  docker run -d --name aurorad -p 127.0.0.1:8080:8080 -v {config} \\",
        f"                    -e AURORAD_DAEMON__STATE_DIR=/var/lib/aurorad -v aurorad:/var/lib/aurorad{pictures} \\",
        "                    -v ./deploy/secrets:/run/secrets:ro aurorad:cpu",
    ]
