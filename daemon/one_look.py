"""A picture that somebody sends is judged as the watch judges its own, and not recorded.

It goes the watch's own way (:mod:`daemon.pipeline`) up to the observation: the gate of its time, the
question whether it is a sky, the model, the verdict, the description. No row, no event, no message, no kept
picture, no metric follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from daemon.clock import Clock
from daemon.footage import image
from daemon.footage.frame import from_pixels
from daemon.metrics import Metrics
from daemon.observation import Observation
from daemon.pipeline import Pipeline
from daemon.sky import geometry


class OneLook:
    """Judges pictures for whoever asks. One at a time: whoever calls it sees to that."""

    def __init__(self, watched: Mapping[str, Pipeline], clock: Clock) -> None:
        """``watched`` are the ways of the cameras that are watched, by name: their lenses and horizons count here too."""
        self._clock = clock
        nobody = Metrics()  # what strangers send is no figure of the watch
        self._pipelines = {name: pipeline.beside(nobody) for name, pipeline in watched.items()}

    def __call__(self, data: bytes, camera: str, at: datetime) -> Observation:
        """JPEG or PNG bytes of that camera, taken at that time → what is to be said of them.

        A square picture of a camera whose own are not is an already cropped sky disc.
        Raises PictureError for what is no picture, ClockError for a time of which sun and moon are not known,
        ModelError where the model fails.
        """
        pipeline = self._pipelines[camera]
        pixels = image.decode(data, pipeline.camera_settings.source.max_pixels)
        # No stamp: the time is given, and a small picture has no place for one.
        whose = replace(pipeline.camera, disc=geometry.disc_in(pixels, pipeline.camera.disc), stamp=None)
        # No stars: whoever sends a picture, it need not be of this camera, and its stars would be held against the
        # camera's lens and learned as how bright the camera shows them.
        frame = from_pixels(
            pixels, whose, source="", fetched_at=self._clock.now(), keep_picture=False, find_stars=False
        )
        return pipeline.judge(replace(frame, observed_at=at))
