"""The outbox goes out: one thread a channel, so that a dead channel delays no other.

Delivery comes after the record: a message that stands in the outbox is sent until its channel has
taken it or nobody needs it any more, at least once, across restarts.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from daemon.alert.channel import Channel, deliver, next_attempt
from daemon.alert.conditions import Conditions, failing
from daemon.alert.message import compose_operator
from daemon.clock import Clock
from daemon.config import NotifySettings, Settings
from daemon.errors import AuroradError, DeliveryError, StoreError, UsageError
from daemon.footage import image
from daemon.metrics import Metrics
from daemon.observation import Message, OutboxRow
from daemon.record.store import Store, heatmap_from_bytes
from daemon.sky import geometry

log = logging.getLogger("aurorad.delivery")

LOOK_S = 1.0
"""Real seconds between looks into the outbox: what an alert waits at most before it is sent."""

MOST_AT_ONCE = 20
"""Messages a look: what has waited for a channel goes out quickly, and not all at once."""

DEAD_AFTER = 5
"""Failures in a row after which the operator is told, through the other channels."""


class Sender(Protocol):
    """One who takes messages from the outbox."""

    @property
    def name(self) -> str:
        """As the outbox knows it."""

    @property
    def wants_all(self) -> bool:
        """Is a change of an event wanted however late, in its order? People want what is true when it comes."""

    def ready(self) -> bool:
        """Is it any use to try now? What waits meanwhile counts as no failure."""

    def deliver(self, row: OutboxRow, picture: Path | None) -> None:
        """Returning means taken. Raises DeliveryError, which says whether the message behind is to be tried."""


class Delivery:
    """The threads that send, and what they need."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        clock: Clock,
        frames_dir: Path,
        conditions: Conditions,
        others: Sequence[Sender] = (),
    ) -> None:
        """``others`` take messages besides the [[notify]] channels."""
        self._store, self._metrics, self._clock = store, metrics, clock
        self._frames_dir, self._conditions = frames_dir, conditions
        self._stop = threading.Event()
        self._failures: dict[str, int] = {}
        senders: list[Sender] = [Channel(c.name, c.address()) for c in settings.notify]
        self._threads = [
            threading.Thread(target=self._serve, args=(s,), name=f"channel-{s.name}", daemon=True)
            for s in (*senders, *others)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Send what is due now, then end; what is not sent in that time waits for the next start."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s / max(1, len(self._threads)))

    def _serve(self, channel: Sender) -> None:
        self._failures[channel.name] = 0
        taken: set[int] = set()
        fault = ""
        while True:
            last = self._stop.is_set()
            try:
                self._look(channel, taken)
                fault = ""
            except StoreError as error:
                if str(error) != fault:  # once, not each second of a night on a full disk
                    log.error("channel %s: %s", channel.name, error)
                fault = str(error)
            except Exception:  # a channel whose thread has ended is silent for the rest of the season
                self._metrics.job_errors.labels(f"channel {channel.name}").inc()
                log.exception("channel %s: failed; it goes on", channel.name)
            if last or self._stop.wait(LOOK_S):
                if last:
                    return
                continue

    def _look(self, channel: Sender, taken: set[int]) -> None:
        """Send what is due: a queue's next message as soon as the one before was taken."""
        if not channel.ready():
            return
        sent = 0
        while sent < MOST_AT_ONCE:
            now = self._clock.now()
            with self._store.batch():
                outdated = [] if channel.wants_all else self._store.outdated(now, channel.name)
                due = self._store.due(now, channel.name, MOST_AT_ONCE - sent)
            self._dropped(outdated)
            if not due:
                return
            sent += len(due)
            for row in due:
                self._send(row, channel, taken)

    def _send(self, row: OutboxRow, channel: Sender, taken: set[int]) -> None:
        """One message to its channel, and what came of it to the record.

        ``taken`` holds what the channel took and the record does not know yet (the disk was full,
        the database locked): it is written down when it comes up again, and not sent again. Where it may be the
        message that is not taken, the one behind it is tried at once: is that taken, this one has been given up.
        """
        try:
            if row.id not in taken:
                self._deliver(row, channel)
        except DeliveryError as error:
            now = self._clock.now()
            self._store.failed(row.id, now, str(error), next_attempt(row.attempts, now))
            self._metrics.deliveries.labels(channel.name, "failed").inc()
            log.warning("%s: try %d: %s", row.message.event_id, row.attempts, error)
            self._failures[channel.name] += 1
            self._judge(channel.name)
            behind = self._store.behind(row.id, now) if error.passes else None
            if behind is not None:
                self._send(behind, channel, taken)
            return
        taken.add(row.id)
        overtaken = self._store.delivered(row.id, self._clock.now())
        taken.discard(row.id)
        self._metrics.deliveries.labels(channel.name, "delivered").inc()
        log.info("%s: %s delivered to %s", row.message.event_id, row.message.kind, channel.name)
        self._dropped(overtaken)
        self._failures[channel.name] = 0
        self._judge(channel.name)

    def _dropped(self, rows: Sequence[OutboxRow]) -> None:
        """Count and log what nobody needs any more; the record says why."""
        for row in rows:
            m = row.message
            self._metrics.deliveries.labels(m.channel, "dropped").inc()
            log.warning("%s: %s given up for %s after %d tries", m.event_id, m.kind, m.channel, row.attempts)

    def _deliver(self, row: OutboxRow, channel: Sender) -> None:
        """Send, with the picture where it can be had: without room for it the words go alone."""
        with ExitStack() as stack:
            picture = None
            if row.message.picture is not None:
                try:
                    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aurorad-"))
                    picture = self._attachment(row.message, Path(folder))
                except OSError as error:
                    log.warning("%s: sent without its picture: %s", row.message.event_id, error)
            channel.deliver(row, picture)

    def _judge(self, channel: str) -> None:
        failures = self._failures[channel]
        condition = failing(channel)
        if failures >= DEAD_AFTER:
            self._conditions.begin(
                condition, "", f"channel {channel} has not taken a message in {failures} tries"
            )
        elif failures == 0:
            self._conditions.end(condition, "", f"channel {channel} takes messages again")

    def _attachment(self, message: Message, folder: Path) -> Path | None:
        """The message's picture with the heat map's outline drawn in; None where there is none."""
        if message.picture is None:
            return None
        kept = self._frames_dir / message.picture
        if message.kind == "summary":  # the night's keogram: there is no map to draw into it
            return kept if kept.is_file() else None
        try:
            pixels = image.read(kept)
            at = datetime.strptime(kept.name.split("_")[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            row = self._store.reader.at(message.camera, at)
            if row is not None and row["heatmap"] is not None:
                outline = geometry.heatmap_outline(heatmap_from_bytes(row["heatmap"]), pixels.shape[0])
                pixels = image.draw_outline(pixels, outline)
            drawn = folder / kept.name
            drawn.write_bytes(image.encode_jpeg(pixels))
        except (AuroradError, OSError, ValueError) as error:
            log.warning("%s: sent without its picture: %s", message.event_id, error)
            return None
        return drawn


def send_test(settings: Settings, only: str | None) -> Iterator[tuple[str, str | None]]:
    """Send a test message through each channel; yields its name and what went wrong, or None.

    Raises UsageError where there is no channel, or none of that name.
    """
    channels = [c for c in settings.notify if only in (None, c.name)]
    if not channels:
        known = ", ".join(c.name for c in settings.notify) or "none; add a [[notify]] table"
        raise UsageError(
            f"no channel {only!r}; configured: {known}" if only else f"channels configured: {known}"
        )
    for channel in channels:
        yield channel.name, _test(channel)


def _test(channel: NotifySettings) -> str | None:
    now = datetime.now(UTC)
    message = compose_operator(
        key="test", camera="", text="this is a test: messages of aurorad arrive here", at=now, channel=channel
    )
    row = OutboxRow(id=0, message=message, attempts=1)
    try:
        deliver(
            row, Channel(channel.name, channel.address()), timeout_s=timedelta(seconds=30).total_seconds()
        )
    except AuroradError as error:
        return str(error)
    return None
