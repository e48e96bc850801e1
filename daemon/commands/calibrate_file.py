"""What ``aurorad calibrate --write`` puts into a configuration: the camera's disc and orientation, in place of the old."""

from __future__ import annotations

import re
from pathlib import Path

from daemon import config
from daemon.commands.calibrate import Calibration
from daemon.config import CameraSettings
from daemon.errors import ConfigError
from daemon.files import replacing
from daemon.observation import Disc


def disc_table(disc: Disc) -> str:
    """[camera.disc] as it stands in a configuration."""
    return "\n".join(
        (
            "[camera.disc]",
            f"centre_x = {disc.centre_x:.1f}",
            f"centre_y = {disc.centre_y:.1f}",
            f"radius = {disc.radius:.1f}",
            f"width = {disc.width}",
            f"height = {disc.height}",
        )
    )


def tables(found: Calibration) -> str:
    """[camera.disc] and [camera.orientation] as they stand in a configuration."""
    disc, lens, turned = found.cut or found.disc, found.lens, found.orientation
    dated = max((each.at for each in found.exposures if each.at), default=None)
    return "\n".join(
        (
            disc_table(disc),
            "",
            "[camera.orientation]",
            f"north_deg = {turned.north_deg:.2f}",
            f"east_left = {'true' if turned.east_left else 'false'}",
            f"lens = [{lens.a:.4f}, {lens.b:.4f}]",
            f"centre = [{lens.centre_x:.4f}, {lens.centre_y:.4f}]",
            f"tilt_deg = {lens.tilt_deg:.2f}",
            f"tilt_azimuth_deg = {lens.tilt_azimuth_deg:.1f}",
            f'solved_on = "{dated:%Y-%m-%d}"' if dated else 'solved_on = ""',
            "",
        )
    )


def write(found: Calibration, file: Path, camera: CameraSettings) -> None:
    """Put the tables into a configuration file, in the place of the camera's old ones.

    The new text is read back before the file is replaced. Raises ConfigError.
    """
    names = [each.name for each in config.load(file, calibrating=True).camera]
    text = _with_tables(file.read_text(encoding="utf-8"), names.index(camera.name), tables(found))
    try:
        with replacing(file) as path:
            path.touch(mode=0o600)  # it may hold secrets
            path.write_text(text, encoding="utf-8")
            config.load(path)
            path.chmod(file.stat().st_mode)
    except ConfigError as error:
        why = "; ".join(config.without_place(error, path))
        raise ConfigError(
            f"{file}: its tables are written in a way that calibrate cannot change; paste the values yourself ({why})"
        ) from error


_HEADER = re.compile(r"^\s*\[{1,2}\s*([A-Za-z0-9_.]+)\s*\]{1,2}")


def _with_tables(text: str, number: int, new: str) -> str:
    """The file's text with the numbered camera's disc and orientation replaced by ``new``."""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            blocks.append((header.group(1), []))
        blocks[-1][1].append(line)
    cameras = [i for i, (name, _) in enumerate(blocks) if name == "camera"]
    if not cameras:  # a file that leaves the camera to the defaults
        return text.rstrip("\n") + "\n\n[[camera]]\n\n" + new
    first = cameras[number]
    last = first
    while last + 1 < len(blocks) and blocks[last + 1][0].startswith("camera."):
        last += 1
    out: list[str] = []
    for i, (name, lines) in enumerate(blocks):
        if not (first < i <= last and name in ("camera.disc", "camera.orientation")):
            out += lines
        if i == last:
            out += [*([] if not out or not out[-1].strip() else [""]), new]
    return "\n".join(out).rstrip("\n") + "\n"
