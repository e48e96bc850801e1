"""The watching side of aurorad: footage in, observations, events and alerts out.

Start reading at :mod:`daemon.pipeline`. Imports go one way, downwards; ``tests/test_house.py`` has the floors.
"""

import os
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("aurorad")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

DECODER_PIXELS = 400_000_000
"""Pixels past which OpenCV itself refuses a picture, whatever its header told us."""

# OpenCV reads it once, when it is first imported, by whichever module that is.
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(DECODER_PIXELS)
# It and FFmpeg speak to standard error in their own words otherwise; errors here are one line of ours.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# A look's matrices and pictures are small: OpenBLAS's and OpenCV's threads wait for each other on them, and burn as much
# CPU as the look itself.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
