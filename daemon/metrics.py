"""Every metric's name, kind, labels and help; one registry.

:data:`METRICS` is the whole list, and the documentation is checked against it. Labels take their
values from small fixed sets (cameras, channels, verdicts, the reasons of :mod:`daemon.errors`), so
the number of series stays small however long the watch runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from daemon import __version__
from daemon.observation import EVENT_CHANGES, JUDGED, VERDICTS, EventChange, Observation, SkyState


@dataclass(frozen=True)
class Metric:
    """One metric as it is published. ``name`` is without the prefix ``aurorad_``."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name Prometheus knows."""
        return f"aurorad_{self.name}"


_FETCH_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_INFERENCE_S = (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
_DELAY_S = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)

METRICS: tuple[Metric, ...] = (
    Metric("build_info", "gauge", ("version",), "Always 1; the version that runs."),
    Metric(
        "model_info", "gauge", ("name", "sha256", "device"), "Always 1; the model that looks and on what."
    ),
    Metric("gpu_wanted", "gauge", (), "1 where the configuration asks for a GPU (device = cuda)."),
    Metric("model_on_gpu", "gauge", (), "1 while the model runs on a GPU."),
    Metric("observations_total", "counter", ("camera", "verdict"), "Observations recorded."),
    Metric(
        "frames_rejected_total", "counter", ("camera", "reason"), "Pictures and movies that cannot be used."
    ),
    Metric("frames_skipped_total", "counter", ("camera", "reason"), "Frames that brought nothing new."),
    Metric(
        "last_observation_timestamp_seconds",
        "gauge",
        ("camera",),
        "Unix time at which the newest judged frame was observed.",
    ),
    Metric(
        "probability", "gauge", ("camera",), "Calibrated probability of aurora in the newest judged frame."
    ),
    Metric(
        "colour_cover",
        "gauge",
        ("camera",),
        "Share of the disc in aurora colours in the newest judged frame.",
    ),
    Metric(
        "level",
        "gauge",
        ("camera",),
        "Level of the aurora, 0 to 6, in the newest frame whose sky was seen; NaN where it was not.",
    ),
    Metric(
        "cover",
        "gauge",
        ("camera",),
        "Share of the sky's solid angle in aurora in the newest frame whose sky was seen; NaN where not known.",
    ),
    Metric(
        "star_share",
        "gauge",
        ("camera",),
        "Share of the starlight that comes through, over the sky, in the newest judged frame; NaN where not known.",
    ),
    Metric(
        "star_disagreements_total",
        "counter",
        ("camera",),
        "Frames in which the stars and the model's sky answer contradict each other.",
    ),
    Metric("sun_altitude_degrees", "gauge", ("camera",), "Apparent altitude of the sun."),
    Metric("moon_altitude_degrees", "gauge", ("camera",), "Apparent altitude of the moon."),
    Metric("looking", "gauge", ("camera",), "1 while the gate lets us look: the sun is low enough."),
    Metric("feed_stale", "gauge", ("camera",), "1 while the feed has stopped."),
    Metric("feed_age_seconds", "gauge", ("camera",), "Age of the newest new picture when last looked for."),
    Metric("cadence_seconds", "gauge", ("camera",), "Seconds between looks, as configured."),
    Metric("fetch_seconds", "histogram", ("camera",), "Time one request of the live picture took.", _FETCH_S),
    Metric("inference_seconds", "histogram", ("camera",), "Time the model took for one frame.", _INFERENCE_S),
    Metric(
        "record_delay_seconds",
        "histogram",
        ("camera",),
        "Time from a live picture's arrival to its committed row.",
        _DELAY_S,
    ),
    Metric("ocr_readings_total", "counter", ("camera", "result"), "Stamps read, by result: read or failed."),
    Metric(
        "events_total", "counter", ("camera", "kind"), "Changes of events: onset, strong, stronger, over."
    ),
    Metric("event_active", "gauge", ("camera",), "1 during an aurora event."),
    Metric("outbox_pending", "gauge", ("channel",), "Messages that wait for delivery."),
    Metric(
        "deliveries_total",
        "counter",
        ("channel", "result"),
        "Deliveries: delivered, failed, expired or dropped.",
    ),
    Metric("operator_conditions", "gauge", (), "Conditions an operator should know of that hold now."),
    Metric("job_errors_total", "counter", ("job",), "Runs of a scheduled job that ended in an error."),
    Metric("job_missed_total", "counter", ("job",), "Runs of a scheduled job that came too late."),
    Metric("clock_steps_total", "counter", (), "Times this machine's clock was put forward or back."),
    Metric("store_errors_total", "counter", ("reason",), "Writes to the database that failed."),
    Metric("pictures_lost_total", "counter", ("reason",), "Pictures that could not be written."),
    Metric("disk_free_bytes", "gauge", (), "Free space where the state is kept."),
    Metric(
        "space_weather_age_seconds",
        "gauge",
        ("feed",),
        "Age of a space weather feed's newest reading when last asked.",
    ),
    Metric(
        "space_weather_errors_total",
        "counter",
        ("feed", "reason"),
        "Answers of a space weather feed that cannot be used.",
    ),
    Metric("shadow_disagreements_total", "counter", ("camera",), "Frames a shadow model judges otherwise."),
)

_BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


class Metrics:
    """All of METRICS on one registry, an attribute each (without ``_total``), and what feeds them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        # Without: a second series beside each counter that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        ProcessCollector(registry=registry)
        self.build_info = self._gauge("build_info")
        self.model_info = self._gauge("model_info")
        self.gpu_wanted = self._gauge("gpu_wanted")
        self.model_on_gpu = self._gauge("model_on_gpu")
        self.observations = self._counter("observations_total")
        self.frames_rejected = self._counter("frames_rejected_total")
        self.frames_skipped = self._counter("frames_skipped_total")
        self.last_observation_timestamp_seconds = self._gauge("last_observation_timestamp_seconds")
        self.probability = self._gauge("probability")
        self.colour_cover = self._gauge("colour_cover")
        self.level = self._gauge("level")
        self.cover = self._gauge("cover")
        self.star_share = self._gauge("star_share")
        self.star_disagreements = self._counter("star_disagreements_total")
        self.sun_altitude_degrees = self._gauge("sun_altitude_degrees")
        self.moon_altitude_degrees = self._gauge("moon_altitude_degrees")
        self.looking = self._gauge("looking")
        self.feed_stale = self._gauge("feed_stale")
        self.feed_age_seconds = self._gauge("feed_age_seconds")
        self.cadence_seconds = self._gauge("cadence_seconds")
        self.fetch_seconds = self._histogram("fetch_seconds")
        self.inference_seconds = self._histogram("inference_seconds")
        self.record_delay_seconds = self._histogram("record_delay_seconds")
        self.ocr_readings = self._counter("ocr_readings_total")
        self.events = self._counter("events_total")
        self.event_active = self._gauge("event_active")
        self.outbox_pending = self._gauge("outbox_pending")
        self.deliveries = self._counter("deliveries_total")
        self.operator_conditions = self._gauge("operator_conditions")
        self.job_errors = self._counter("job_errors_total")
        self.job_missed = self._counter("job_missed_total")
        self.clock_steps = self._counter("clock_steps_total")
        self.store_errors = self._counter("store_errors_total")
        self.pictures_lost = self._counter("pictures_lost_total")
        self.disk_free_bytes = self._gauge("disk_free_bytes")
        self.space_weather_age_seconds = self._gauge("space_weather_age_seconds")
        self.space_weather_errors = self._counter("space_weather_errors_total")
        self.shadow_disagreements = self._counter("shadow_disagreements_total")
        self.build_info.labels(__version__).set(1)

    def _counter(self, name: str) -> Counter:
        metric = _BY_NAME[name]
        return Counter(metric.full_name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        metric = _BY_NAME[name]
        return Gauge(metric.full_name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        metric = _BY_NAME[name]
        return Histogram(
            metric.full_name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets
        )

    # ------------------------------------------------------------------ what feeds them

    def watching(self, camera: str, cadence_s: float) -> None:
        """Show a camera's series from the start, so that a rate over them is never without a zero.

        What one that is watched already shows stays as it is: a reload changes nothing in the sky.
        """
        self.cadence_seconds.labels(camera).set(cadence_s)
        self.feed_stale.labels(camera)
        self.event_active.labels(camera)
        for verdict in VERDICTS:
            self.observations.labels(camera, verdict)
        for kind in EVENT_CHANGES:
            self.events.labels(camera, kind)

    def channel(self, name: str) -> None:
        """Show a channel's series from the start."""
        self.outbox_pending.labels(name)
        for result in ("delivered", "failed", "expired", "dropped"):
            self.deliveries.labels(name, result)

    def unwatched(self, camera: str) -> None:
        """Take away all series of a camera that the configuration names no more: they would stand still for ever."""
        for metric in METRICS:
            if "camera" in metric.labels:
                getattr(self, metric.name.removesuffix("_total")).remove_by_labels({"camera": camera})

    def model(self, name: str, sha256: str, device: str, *, gpu_wanted: bool) -> None:
        """The model that looks from now on."""
        self.model_info.clear()
        self.model_info.labels(name, sha256, device).set(1)
        self.model_on_gpu.set(device.startswith("cuda"))
        self.gpu_wanted.set(gpu_wanted)

    def sky(self, camera: str, sky: SkyState) -> None:
        """Sun and moon now."""
        self.sun_altitude_degrees.labels(camera).set(sky.sun_altitude_deg)
        self.moon_altitude_degrees.labels(camera).set(sky.moon_altitude_deg)

    def feed(self, camera: str, stale: bool, framed_at: datetime | None, now: datetime) -> None:
        """How the feed stands; ``framed_at`` is when the newest new picture came."""
        self.feed_stale.labels(camera).set(stale)
        if framed_at is not None:
            self.feed_age_seconds.labels(camera).set((now - framed_at).total_seconds())

    def fetched(self, camera: str, elapsed_s: float) -> None:
        """One request of the live picture."""
        self.fetch_seconds.labels(camera).observe(elapsed_s)

    def predicted(self, camera: str, seconds: float) -> None:
        """One frame's inference."""
        self.inference_seconds.labels(camera).observe(seconds)

    def rejected(self, camera: str, reason: str) -> None:
        """Footage that cannot be used."""
        self.frames_rejected.labels(camera, reason).inc()

    def skipped(self, camera: str, reason: str) -> None:
        """A frame that brought nothing new."""
        self.frames_skipped.labels(camera, reason).inc()

    def recorded(self, observation: Observation, now: datetime) -> None:
        """A live frame is on record: how long that took from its download."""
        delay_s = (now - observation.fetched_at).total_seconds()
        self.record_delay_seconds.labels(observation.camera).observe(delay_s)

    def observed(self, observation: Observation, changes: Iterable[EventChange] = ()) -> None:
        """An observation that was recorded, and what it changed."""
        camera = observation.camera
        self.observations.labels(camera, observation.verdict).inc()
        if observation.prediction is not None and observation.verdict in JUDGED:
            self._judged(observation, observation.prediction.calibrated_probability)
        for change in changes:
            self.events.labels(camera, change.kind).inc()
            self.event_active.labels(camera).set(change.event.ended_at is None)

    def found_in_archive(self, changes: Iterable[EventChange]) -> None:
        """Events of the past that an archive has added: they say nothing of whether one is under way."""
        for change in changes:
            self.events.labels(change.event.camera, change.kind).inc()

    def stars(self, camera: str, share: float | None, disagree: bool) -> None:
        """What the stars say of a frame's sky, and whether the model says the contrary."""
        self.star_share.labels(camera).set(nan if share is None else share)
        if disagree:
            self.star_disagreements.labels(camera).inc()

    def _judged(self, observation: Observation, probability: float) -> None:
        camera = observation.camera
        self.probability.labels(camera).set(probability)
        self.last_observation_timestamp_seconds.labels(camera).set(observation.observed_at.timestamp())
        if observation.colour_cover is not None:
            self.colour_cover.labels(camera).set(observation.colour_cover)
        described = observation.description
        self.level.labels(camera).set(nan if described is None else described.level)
        self.cover.labels(camera).set(
            nan if described is None or described.cover is None else described.cover
        )
        if observation.shadow_probability is not None and observation.threshold is not None:
            on = observation.threshold
            if (observation.shadow_probability >= on) != (probability >= on):
                self.shadow_disagreements.labels(camera).inc()

    def pending(self, by_channel: Mapping[str, int], channels: Iterable[str]) -> None:
        """What waits in the outbox; channels with nothing stand at 0. Of others only those for which something waits are shown."""
        shown = {*channels, *by_channel}
        for name in shown:
            self.outbox_pending.labels(name).set(by_channel.get(name, 0))
        for name in {s.labels["channel"] for m in self.outbox_pending.collect() for s in m.samples} - shown:
            self.outbox_pending.remove(name)
