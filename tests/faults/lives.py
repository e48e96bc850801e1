"""Lives of the daemon without its start-up: a process that has loaded everything and forks one a line.

    python -m tests.faults.lives CONFIG LOG

answers each line on standard input with the process number of a fresh ``aurorad run``, and with
``dead`` once that one is no more.
"""

import os
import sys
from pathlib import Path

import apprise  # noqa: F401 - loaded here so that the forks need not
import cv2  # noqa: F401

import daemon.web.app  # noqa: F401
from daemon.config import load
from daemon.foreground import run
from models.runtime import onnx_runtime

onnx_runtime()  # loaded here too, before the forks


def main(config: Path, log: Path) -> None:
    """Fork on demand until standard input ends."""
    while sys.stdin.readline():
        child = os.fork()
        if child == 0:
            out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            for stream in (1, 2):
                os.dup2(out, stream)
            try:
                run(load(config), config)
            finally:
                os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("dead", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
