"""A night the thesis's way, written plainly: what its notebook did, one frame after the other.

    python -m tests.bench.thesis_way MOVIE

Every frame is read, every tenth is kept: its stamp read by Tesseract, the disc masked, cropped and
shrunk, the class and its probability asked of torch, the evidence of Grad-CAM by autograd, a row
written. Prints a line of JSON: seconds of the start and of the frames, and the rows.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from pathlib import Path

began = time.perf_counter()

import cv2  # noqa: E402 - the start is part of what is measured
import numpy as np  # noqa: E402
import pytesseract  # noqa: E402
import torch  # noqa: E402

from models.preprocess import MEAN, STD  # noqa: E402
from tests.bench import ways  # noqa: E402

STAMP = (0.65, 0.925, 0.95, 0.95)
"""left, top, right, bottom of the stamp, as shares of the picture."""


def stamp_text(frame: np.ndarray) -> str:
    """The burnt-in clock, read by Tesseract."""
    height, width = frame.shape[:2]
    left, top, right, bottom = STAMP
    crop = frame[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
    grey = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    large = cv2.resize(grey, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    _, black = cv2.threshold(large, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    return str(pytesseract.image_to_string(black, config="--psm 7")).strip()


def pixels_of(frame: np.ndarray) -> np.ndarray:
    """The masked, cropped disc as the network takes it, (1, 3, 240, 240)."""
    mask = np.zeros(frame.shape[:2], np.uint8)
    cv2.circle(mask, (640, 360), 360, 255, -1)
    square = cv2.bitwise_and(frame, frame, mask=mask)[:, 280:1000]
    small = cv2.resize(cv2.cvtColor(square, cv2.COLOR_BGR2RGB), (240, 240), interpolation=cv2.INTER_AREA)
    tensor = (small.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None])


def main(movie: Path) -> dict[str, float]:
    """Go through the movie; what it took."""
    look = ways.with_grad_cam(ways.classifier())
    ready = time.perf_counter()
    capture = cv2.VideoCapture(str(movie))
    index = rows = 0
    with tempfile.TemporaryFile("w", newline="") as table:
        writer = csv.writer(table)
        while True:
            more, frame = capture.read()
            if not more:
                break
            if index % 10 == 0:
                text, (logits, maps) = stamp_text(frame), look(pixels_of(frame))
                probability = float(torch.softmax(torch.from_numpy(logits[0, :2]), 0)[1])
                writer.writerow([text, index, probability, float((maps[0] > 0.5).mean())])
                rows += 1
            index += 1
    return {"start_s": ready - began, "frames_s": time.perf_counter() - ready, "frames": index, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
