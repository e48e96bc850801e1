"""The process's memory: the C library gives back at once what a look has used, and what stays is not searched for garbage.

A look works with pictures of a few megabytes for a tenth of a second. glibc takes the first that is freed as a sign
that such sizes come and go, keeps them in its heap from then on, and gives each thread a heap of its own: a daemon
that needs 275 MB holds 310.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
PAGES_FROM: Final = 1 << 20
"""Bytes from which an allocation has pages of its own, given back when it is freed."""
ARENAS: Final = 2
"""Heaps that all threads share."""
KEPT: Final = 16 << 20
"""Bytes that a heap keeps at its end. glibc's own 128 kB, once the above is fixed, would have each step of a look fetch
its pages anew, two microseconds each."""


def give_back() -> bool:
    """Fix all three for this process; whether its C library lets us (glibc does, others have no such trouble)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        mallopt(which, value)
        for which, value in ((_MMAP_THRESHOLD, PAGES_FROM), (_ARENA_MAX, ARENAS), (_TRIM_THRESHOLD, KEPT))
    )


def settle() -> None:
    """What is loaded by now stays: without this, pages now and then wait for it to be searched for garbage (0.1 s).

    What loading has used besides is given back: a model is read before it is put together, and :data:`KEPT` of that
    would lie about.
    """
    gc.collect()
    gc.freeze()
    trim()


def trim() -> None:
    """Give memory that is free back to the system; takes milliseconds, and does nothing without glibc.

    A look allocates pictures of several megabytes in threads that come and go. glibc keeps the scraps
    in an arena a thread, some 1.5 kB more with each look: nothing is lost, and yet a season of looks
    would hold hundreds of megabytes of a small machine.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
