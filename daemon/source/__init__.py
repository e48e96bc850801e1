"""Where footage comes from: a live still behind an address, AuroraMAX's night movie, a folder.

:func:`open_source` makes the live source a camera's configuration asks for; nothing is asked of
anyone until its :meth:`~daemon.source.still.LiveSource.latest` is called.
"""

from __future__ import annotations

from pathlib import Path

from daemon.clock import Clock
from daemon.config import CameraSettings, DaemonSettings, SourceSettings
from daemon.source.access import check_login, own_authority, shown_certificate
from daemon.source.auroramax import fetch_movie, movie_addresses, movie_retry_s
from daemon.source.fetch import check_address
from daemon.source.folder import FolderSource
from daemon.source.listing import Listing
from daemon.source.patient import Patient
from daemon.source.still import LiveSource, Still
from daemon.source.url import UrlSource, user_agent

__all__ = [
    "LiveSource",
    "Still",
    "check_address",
    "check_login",
    "fetch_movie",
    "movie_addresses",
    "movie_retry_s",
    "open_source",
    "own_authority",
    "shown_certificate",
    "takes",
    "user_agent",
]


def takes(settings: SourceSettings, path: Path) -> bool:
    """Would the folder that is watched give this file as a picture?"""
    if settings.kind != "folder" or settings.path is None:
        return False
    root, file = settings.path.absolute(), path.absolute()
    return file.is_relative_to(root) and Listing(str(root), settings.pattern).would_take(
        file.relative_to(root).as_posix()
    )


def open_source(
    camera: CameraSettings,
    daemon: DaemonSettings,
    *,
    clock: Clock | None = None,
    cursor: str | None = None,
) -> LiveSource:
    """The live source of a camera; ``cursor`` is what the same source's ``cursor`` said before."""
    if camera.source.kind == "folder":
        return Patient(FolderSource(camera.source, clock, cursor), camera.source.timeout_s)
    return UrlSource(camera.source, camera.cadence_s, user_agent(daemon.user_agent_contact), clock)
