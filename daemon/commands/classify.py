"""One look at pictures from the command line: classify, timestamp, sky. Nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon import description, sighting, words
from daemon.config import CameraSettings, Settings
from daemon.errors import AuroradError, ClockError
from daemon.footage import horizon, image, ocr
from daemon.footage.plausibility import flaw
from daemon.footage.reading import StampReader
from daemon.gate import degrees_text, gate
from daemon.observation import Disc, Picture, Prediction, utc_text
from daemon.predictor import Predictor
from daemon.sky import geometry
from daemon.sky.ephemeris import Observatory
from daemon.verdict import judge
from models import preprocess, runtime

Answer = tuple[dict[str, Any], str]
"""What a command says: as an object for ``--json``, and as a line for a person."""

BATCH = 8


def classify(
    images: Sequence[Path], settings: Settings, camera: CameraSettings
) -> Iterator[Answer | AuroradError]:
    """Answers in the order of the images, an error in the place of an image that cannot be used.

    They are judged as the watch judges its own, but for the stars. A square image of a camera whose own are not is an
    already cropped sky disc. Raises PictureError where the camera's horizon mask cannot be used.
    """
    hidden = horizon.read(Path(camera.horizon)) if camera.horizon else None
    predictor = Predictor(settings.model, at_once=runtime.cores())
    for start in range(0, len(images), BATCH):
        some = [(path, _disc(path, camera.camera().disc)) for path in images[start : start + BATCH]]
        discs = [disc for _, disc in some if not isinstance(disc, AuroradError)]
        flaws = [flaw(disc) for disc in discs]
        skies = [preprocess.shrink(disc) for disc, no_sky in zip(discs, flaws, strict=True) if no_sky is None]
        predictions, reasons = predictor.predict(skies), iter(flaws)
        for path, disc in some:
            if isinstance(disc, AuroradError):
                yield disc
            elif (no_sky := next(reasons)) is not None:
                yield _no_sky(path, no_sky, predictor)
            else:
                yield _answer(path, preprocess.shrink(disc), next(predictions), predictor, camera, hidden)


def _disc(path: Path, disc: Disc) -> Picture | AuroradError:
    try:
        pixels = image.read(path)
        return geometry.cut_disc(pixels, geometry.disc_in(pixels, disc))
    except AuroradError as error:
        return error


def _no_sky(path: Path, reason: str, predictor: Predictor) -> Answer:
    """The answer about a picture that is no sky: the model has not seen it, and nothing is known of its sky."""
    unknown = sighting.of_one_picture("unusable", reason, None, None, (None, None), None)
    answer = {"path": str(path)} | unknown | {"model_sha256": predictor.model.card.sha256}
    return answer, _unusable(path, reason)


def _unusable(path: Path, reason: str) -> str:
    return f"{path}: no usable picture: {reason}"


def _answer(
    path: Path,
    square: Picture,
    said: Prediction,
    predictor: Predictor,
    camera: CameraSettings,
    hidden: horizon.Horizon | None,
) -> Answer:
    if hidden is not None:
        square, said = hidden.square(square), hidden.seen(said)
    verdict, reason = judge(said, predictor.model.card.thresholds.default, doubted=said.doubted)
    found = description.of_verdict(verdict, datetime.now(UTC), square, said, camera.camera())
    where = (found.azimuth_deg, found.elevation_deg) if found else (None, None)
    shown = found.description if found else None
    area = geometry.heatmap_area(said.heatmap)
    answer = {"path": str(path)} | sighting.of_one_picture(verdict, reason, said, area, where, shown)
    if verdict == "unusable":
        return answer, _unusable(path, reason)
    seen = f"; {sighting.headline(answer)}" if verdict == "aurora" else ""
    return answer, f"{path}: {reason} (probability {words.certainty(said.calibrated_probability)}){seen}"


def timestamps(images: Iterable[Path], camera: CameraSettings) -> Iterator[Answer | AuroradError]:
    """The burnt-in clock of each image; a ClockError where no time can be established."""
    for path in images:
        try:
            yield _timestamp(path, camera)
        except AuroradError as error:
            yield error


def _timestamp(path: Path, camera: CameraSettings) -> Answer:
    style = camera.camera().stamp
    if style is None:
        raise ClockError("no stamp", f"{path}: camera {camera.name} has no stamp; see [camera.stamp]")
    try:
        at, text = StampReader(style).read(ocr.cut_stamp(image.read(path), style))
    except ClockError as error:
        raise ClockError(error.reason, f"{path}: {error}") from error
    answer = {"path": str(path), "text": text, "observed_at": utc_text(at)}
    return answer, f"{path}: {utc_text(at)} (read as {text!r})"


_TWILIGHT = {"night": "night", "day": "day"} | {
    name: f"{name} twilight" for name in ("astronomical", "nautical", "civil")
}


def sky_over(settings: Settings, camera: CameraSettings, at: datetime) -> Answer:
    """Sun and moon over the camera, their classes, the gate and its reason."""
    state = Observatory(camera.latitude_deg, camera.longitude_deg, camera.elevation_m).state(at)
    may = gate(state, settings.gate.look_below_deg, settings.gate.alert_below_deg)
    answer = {
        "at": utc_text(at),
        "sun_altitude_deg": round(state.sun_altitude_deg, 4),
        "sun_azimuth_deg": round(state.sun_azimuth_deg, 4),
        "moon_altitude_deg": round(state.moon_altitude_deg, 4),
        "moon_azimuth_deg": round(state.moon_azimuth_deg, 4),
        "moon_phase_deg": round(state.moon_phase_deg, 4),
        "twilight": state.twilight,
        "moonlight": state.moonlight,
        "look": may.look,
        "alert": may.alert,
        "reason": may.reason,
    }
    does = "looking and alerting" if may.alert else "looking, but not alerting" if may.look else "not looking"
    light = {"none": "no moonlight", "quarter": "light of a half moon", "full": "light of a full moon"}
    sentence = (
        f"{utc_text(at)} over {camera.called}: sun at {degrees_text(state.sun_altitude_deg)} "
        f"({_TWILIGHT[state.twilight]}), moon at {degrees_text(state.moon_altitude_deg)} ({light[state.moonlight]}): "
        f"{does} ({may.reason})"
    )
    return answer, sentence
