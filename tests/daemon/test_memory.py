"""Memory that a look has used goes back to the machine, and what stays is not searched for garbage."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from daemon import memory

HELD = """
import sys
import numpy as np
from daemon import memory

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

if sys.argv[1] == "told" and not memory.give_back():
    sys.exit(77)
before = resident_mb()
for _ in range(2):
    pictures = [np.ones((4 << 20) + 1000 * number, np.uint8) for number in range(30)]
    after_them = [np.ones(1000, np.uint8) for _ in range(1000)]  # what keeps a heap from shrinking
    del pictures
print(resident_mb() - before)
"""


def left_mb(how: str) -> float:
    """MB that a process holds after 30 pictures of 4 MB have come and gone twice."""
    done = subprocess.run([sys.executable, "-c", HELD, how], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_what_a_look_has_used_is_given_back() -> None:
    """Left to itself glibc keeps the pictures' memory for the next ones; told so, it keeps next to nothing."""
    assert left_mb("told") < 10
    assert left_mb("left") > 50


FETCHED = """
import resource
import sys
import numpy as np
from daemon import memory

if not memory.give_back():
    sys.exit(77)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def look():
    planes = [np.ones(500_000, np.uint8) for _ in range(8)]
for _ in range(3):
    look()
before = faults()
for _ in range(20):
    look()
print((faults() - before) / 20)
"""


def test_the_steps_of_a_look_find_their_memory_where_the_last_left_it() -> None:
    """Four megabytes in small pieces: the kernel is asked for next to none of their thousand pages again."""
    done = subprocess.run([sys.executable, "-c", FETCHED], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this C library has no mallopt")
    assert float(done.stdout) < 50, done.stderr


class Ring:
    """Something that only a search for garbage frees: it holds itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_stands_is_not_searched_for_garbage_and_what_comes_later_is() -> None:
    memory.settle()
    try:
        assert gc.get_freeze_count() > 10_000
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
        ring = weakref.ref(Ring())
        gc.collect()
        assert ring() is None
    finally:
        gc.unfreeze()
    assert gc.get_freeze_count() == 0


SETTLED = """
import sys
import numpy as np
from daemon import memory

if not memory.give_back():
    sys.exit(77)
def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = resident_mb()
loaded = [np.ones(500_000, np.uint8) for _ in range(60)]
kept = loaded[::20]
del loaded
used = resident_mb() - before
memory.settle()
print(used, resident_mb() - before)
"""


def test_what_loading_has_used_is_given_back_once() -> None:
    """Thirty megabytes in small pieces, of which one in twenty stays: the rest lies about until then."""
    done = subprocess.run([sys.executable, "-c", SETTLED], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("this C library has no mallopt")
    used, left = map(float, done.stdout.split())
    assert used > 15, done.stderr
    assert left < 5
