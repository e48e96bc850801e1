"""The metrics as Prometheus sees them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.metrics import METRICS, Metric, Metrics
from daemon.observation import Event, EventChange, Observation, Prediction, SkyState

T0 = datetime(2024, 2, 10, 4, 50, 3, tzinfo=UTC)
SKY = SkyState(T0, -31.5, 12.0, 14.5, 200.0, 98.75, "night", "quarter")
SAID = Prediction(np.zeros(4, np.float32), 0.97, 0.75, 0.7, np.zeros((8, 8), np.float32), "ab" * 32)


def full() -> Metrics:
    """Metrics that have seen everything once."""
    m = Metrics(CollectorRegistry())
    m.watching("yellowknife", 60)
    m.channel("phone")
    m.model("aurorad-b1", "ab" * 32, "cuda:0", gpu_wanted=True)
    m.sky("yellowknife", SKY)
    m.feed("yellowknife", True, T0, T0 + timedelta(seconds=90))
    m.fetched("yellowknife", 0.2)
    m.predicted("yellowknife", 0.006)
    m.rejected("yellowknife", "truncated")
    m.skipped("yellowknife", "repeated")
    event = Event("e", "yellowknife", T0, T0)
    row = Observation(
        "yellowknife",
        T0,
        T0,
        "aurora",
        "",
        SKY,
        SAID,
        threshold=0.5,
        colour_cover=0.25,
        shadow_probability=0.4,
    )
    m.observed(row, [EventChange("onset", event, T0)])
    m.pending({"phone": 2}, ["phone", "mail"])
    for counter in (m.job_errors, m.job_missed):
        counter.labels("watch yellowknife").inc()
    m.ocr_readings.labels("yellowknife", "read").inc()
    m.store_errors.labels("full").inc()
    m.record_delay_seconds.labels("yellowknife").observe(0.1)
    m.looking.labels("yellowknife").set(1)
    return m


def value(m: Metrics, name: str, **labels: str) -> float | None:
    found = m.registry.get_sample_value(f"aurorad_{name}", labels)
    return None if found is None else float(found)


def test_promtool_has_nothing_to_say() -> None:
    """Real promtool is silent on the whole exposition."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=generate_latest(full().registry), capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_table_is_the_whole_exposition() -> None:
    """What is published under our prefix is METRICS, name by name, kind by kind, label by label."""
    m = full()
    for metric in METRICS:
        if metric.labels:  # a series of each, also of one that nothing has fed yet
            getattr(m, metric.name.removesuffix("_total")).labels(*metric.labels)
    families = {
        family.name: family
        for family in text_string_to_metric_families(generate_latest(m.registry).decode())
        if family.name.startswith("aurorad_")
    }
    assert set(families) == {metric.full_name.removesuffix("_total") for metric in METRICS}
    for metric in METRICS:
        family = families[metric.full_name.removesuffix("_total")]
        assert family.samples, metric.name
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), metric.name


def test_each_metric_has_an_attribute_of_its_name() -> None:
    """``observations_total`` is ``Metrics.observations``; nothing is published that cannot be fed."""
    m = full()
    assert {f.name for f in fields(Metric)} >= {"name", "kind", "labels", "help"}
    for metric in METRICS:
        assert hasattr(m, metric.name.removesuffix("_total")), metric.name


def test_observations_feed_counters_and_gauges() -> None:
    """Counts by verdict and kind of change; the gauges follow the newest judged frame only."""
    m = full()
    assert value(m, "observations_total", camera="yellowknife", verdict="aurora") == 1
    assert value(m, "observations_total", camera="yellowknife", verdict="stale") == 0
    assert value(m, "events_total", camera="yellowknife", kind="onset") == 1
    assert value(m, "event_active", camera="yellowknife") == 1
    assert value(m, "probability", camera="yellowknife") == 0.75
    assert value(m, "last_observation_timestamp_seconds", camera="yellowknife") == T0.timestamp()
    assert value(m, "shadow_disagreements_total", camera="yellowknife") == 1
    assert value(m, "feed_age_seconds", camera="yellowknife") == 90
    over = Event("e", "yellowknife", T0, T0, ended_at=T0)
    blind = Observation("yellowknife", T0 + timedelta(hours=1), T0, "not looked", "", SKY)
    m.observed(blind, [EventChange("over", over, T0)])
    assert value(m, "event_active", camera="yellowknife") == 0
    assert value(m, "probability", camera="yellowknife") == 0.75
    assert value(m, "last_observation_timestamp_seconds", camera="yellowknife") == T0.timestamp()


def test_a_shadow_that_agrees_is_not_counted() -> None:
    """Only opposite answers at the same threshold are a disagreement."""
    m = Metrics(CollectorRegistry())
    row = Observation("c", T0, T0, "aurora", "", SKY, SAID, threshold=0.5, shadow_probability=0.6)
    m.observed(row)
    assert value(m, "shadow_disagreements_total", camera="c") is None
    m.observed(replace(row, shadow_probability=0.1))
    assert value(m, "shadow_disagreements_total", camera="c") == 1


def test_a_model_that_changes_leaves_no_old_series() -> None:
    """After a fallback to the CPU exactly one model_info stands, and the wish for a GPU with it."""
    m = full()
    m.model("aurorad-b1", "ab" * 32, "cpu", gpu_wanted=True)
    text = generate_latest(m.registry).decode()
    assert text.count("aurorad_model_info{") == 1
    assert (value(m, "model_on_gpu"), value(m, "gpu_wanted")) == (0, 1)


def test_an_emptied_outbox_stands_at_zero() -> None:
    """A channel with nothing waiting is a zero, not an old value."""
    m = full()
    assert value(m, "outbox_pending", channel="phone") == 2
    m.pending({}, ["phone", "mail"])
    assert (value(m, "outbox_pending", channel="phone"), value(m, "outbox_pending", channel="mail")) == (0, 0)


def test_a_channel_taken_out_is_shown_while_something_waits_for_it() -> None:
    """Its last messages expire some day; then it is gone, and not at its last value for ever."""
    m = full()
    m.pending({"phone": 2}, ["mail"])
    assert value(m, "outbox_pending", channel="phone") == 2
    m.pending({}, ["mail"])
    assert value(m, "outbox_pending", channel="phone") is None


def test_a_reload_leaves_what_a_camera_shows_and_takes_what_nobody_watches() -> None:
    """An event under way is none that has ended; a camera taken out raises no alarm for ever."""
    m = full()
    m.feed("yellowknife", True, None, T0)
    m.watching("yellowknife", 60)
    assert (value(m, "event_active", camera="yellowknife"), value(m, "feed_stale", camera="yellowknife")) == (
        1,
        1,
    )
    m.watching("hill", 60)
    m.unwatched("yellowknife")
    text = generate_latest(m.registry).decode()
    assert 'camera="yellowknife"' not in text
    assert 'aurorad_feed_stale{camera="hill"} 0.0' in text
