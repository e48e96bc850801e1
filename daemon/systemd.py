"""Telling systemd how we are: ready, alive, stopping. Silent where there is no systemd.

The protocol is one datagram of ``KEY=value`` lines to the socket named in ``NOTIFY_SOCKET``
(sd_notify(3)).
"""

from __future__ import annotations

import os
import socket


def tell(state: str) -> bool:
    """Send one state line; False where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):  # a name in the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as listener:
        try:
            listener.connect(address)
            listener.sendall(state.encode())
        except OSError:
            return False
    return True


def starts_slowly() -> None:
    """Let the start take an hour: years of rows that an upgrade writes anew are not to be begun over and over."""
    tell("EXTEND_TIMEOUT_USEC=3600000000\nSTATUS=bringing the record up to date")


def watchdog_interval_s() -> float | None:
    """Seconds between signs of life: half of what systemd waits, or None where it does not."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID")
    if not usec.isdigit() or (pid is not None and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000
