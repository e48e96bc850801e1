"""Handing memory back to the system.

A look allocates pictures of several megabytes in threads that come and go. glibc keeps the scraps in an
arena a thread, some 1.5 kB more with each look: nothing is lost, and yet a season of looks would hold
hundreds of megabytes of a small machine.
"""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Give what is free back; takes milliseconds. Does nothing where the C library is not glibc."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
