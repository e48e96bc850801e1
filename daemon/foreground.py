"""The daemon in the foreground: its log, its signals, its end."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

from daemon import memory
from daemon.clock import Clock
from daemon.config import Settings
from daemon.service import serving
from daemon.text import one_line

SIGNAL_LOOK_S = 0.2
"""How often signals are looked for. To wait for them without end can miss one: it wakes nobody where it
comes just before the wait, and an Event set in a handler may be the very one that is being waited for."""


class _OneLine(logging.Formatter):
    """What is logged is one line, whatever a name in it holds; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = one_line(record.message)
        return super().formatMessage(record)


def run(settings: Settings, config_path: Path | None, clock: Clock | None = None) -> None:
    """The daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads."""
    logging.basicConfig(level=settings.daemon.log_level.upper())
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # daemon.schedule logs its failures
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asked: set[int] = set()
    pause = threading.Event()  # never set
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: asked.add(number))
    with serving(settings, config_path, clock) as service:
        memory.settle()
        while not asked & {signal.SIGTERM, signal.SIGINT}:
            pause.wait(SIGNAL_LOOK_S)
            if signal.SIGHUP in asked:
                asked.discard(signal.SIGHUP)
                service.reload()
    if not service.drained:  # Python would wait at its exit for a request to end: for a movie's, an hour
        logging.shutdown()
        os._exit(0)
