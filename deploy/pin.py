"""Write the digests of the images that are built on and brought along into their files; part of ``make lock``.

    python deploy/pin.py

A version's name can be given to another image; a digest cannot. ``debian:bookworm-slim`` in the Dockerfile and
``prom/prometheus:v3.7.3`` in compose.yaml become ``…@sha256:…``, and an old digest the present one. That needs
docker (with buildx) or skopeo and the images' registry; where either is missing one line says so, the files
stay as they are, and the exit status is 0.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
FILES = (HERE / "Dockerfile", HERE / "compose.yaml")
IMAGE = re.compile(
    r"(?m)^(?P<before>ARG BASE=|\s+image: )(?P<name>[a-z0-9./-]+:[\w.-]+)(?P<digest>@sha256:[0-9a-f]{64})?$"
)
ASKING = (
    ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", "{}"],
    ["skopeo", "inspect", "--format", "{{.Digest}}", "docker://docker.io/{}"],
)
OWN = "aurorad:"
"""Images that are built here have no digest before they are built."""

Ask = Callable[[str], str | None]


def pinned(text: str, ask: Ask) -> tuple[str, list[str]]:
    """(the file's text with the digests that ``ask`` knows, the images of which it knows none)."""
    unknown: list[str] = []

    def one(found: re.Match[str]) -> str:
        if found["name"].startswith(OWN):
            return found[0]
        digest = ask(found["name"])
        if digest is None:
            unknown.append(found["name"])
            return found[0]
        return f"{found['before']}{found['name']}@{digest}"

    return IMAGE.sub(one, text), unknown


def digest_of(name: str) -> str | None:
    """What the registry calls the image now, for all architectures together; None where nobody can be asked."""
    for command in ASKING:
        words = [word.replace("{}", name) if word.endswith("{}") else word for word in command]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if re.fullmatch(r"sha256:[0-9a-f]{64}", done.stdout.strip()):
            return done.stdout.strip()
    return None


def main() -> int:
    """Pin what can be pinned."""
    for path in FILES:
        before = path.read_text(encoding="utf-8")
        text, unknown = pinned(before, digest_of)
        if text != before:
            path.write_text(text, encoding="utf-8")
        for name in unknown:
            print(
                f"{path.name}: {name} NOT pinned: its registry cannot be asked from here (docker or skopeo)"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
