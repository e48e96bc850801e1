"""Where footage comes from: a live still behind an address, AuroraMAX's night movie, a folder.

:func:`open_source` makes the live source a camera's configuration asks for; nothing is asked of
anyone until its :meth:`~daemon.source.still.LiveSource.latest` is called.
"""

from __future__ import annotations

from daemon.clock import Clock
from daemon.config import CameraSettings, DaemonSettings
from daemon.source.auroramax import fetch_movie, movie_addresses, movie_retry_s
from daemon.source.fetch import check_address
from daemon.source.folder import FolderSource
from daemon.source.still import LiveSource, Still
from daemon.source.url import UrlSource, user_agent

__all__ = [
    "LiveSource",
    "Still",
    "check_address",
    "fetch_movie",
    "movie_addresses",
    "movie_retry_s",
    "open_source",
    "user_agent",
]


def open_source(
    camera: CameraSettings,
    daemon: DaemonSettings,
    *,
    clock: Clock | None = None,
    cursor: str | None = None,
) -> LiveSource:
    """The live source of a camera; ``cursor`` is what the same source's ``cursor`` said before."""
    if camera.source.kind == "folder":
        return FolderSource(camera.source, clock, cursor)
    return UrlSource(camera.source, camera.cadence_s, user_agent(daemon.user_agent_contact), clock)
