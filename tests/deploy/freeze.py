"""Stop one thread of a running process, as a call into a driver that never returns would.

    python freeze.py PID

waits until a thread of the process has a tesseract of its own running (only a pipeline's does), holds
that thread with ptrace, prints its number, and goes when it is killed. The other threads run on.
"""

import ctypes
import os
import sys
import time
from pathlib import Path

SEIZE, INTERRUPT = 0x4206, 0x4207
WAITING = {"7", "23", "270", "271"} if os.uname().machine == "x86_64" else {"72", "73"}
"""poll, select, pselect6, ppoll: linux/asm/unistd.h."""
ALL = 0x40000000  # __WALL: threads too


def pipeline_thread(pid: int) -> int:
    """The thread that waits for a tesseract; within 60 s."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                try:
                    reading = Path(f"/proc/{child}/comm").read_text().strip() == "tesseract"
                    # In poll or select it has let go of the interpreter's lock, which all need.
                    if reading and (task / "syscall").read_text().split()[0] in WAITING:
                        return int(task.name)
                except OSError:  # gone again
                    continue
        time.sleep(0.002)
    raise SystemExit("no thread was seen reading a clock")


def main(pid: int) -> None:
    """Hold the thread until it is no more."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tid = pipeline_thread(pid)
    for request in (SEIZE, INTERRUPT):
        if libc.ptrace(request, tid, None, None) != 0:
            raise SystemExit(f"ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(tid, ALL)
    print(tid, flush=True)
    while True:  # a killed thread stays until whoever traces it has looked
        _, status = os.waitpid(tid, ALL)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
