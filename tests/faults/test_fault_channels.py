"""Channels that are down for hours, refuse, ask for patience, or hang, while others work.

Spells of aurora come and go over six hours of the watch's time; the phone is dead all that while.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from daemon.config import EventSettings, NotifySettings
from daemon.observation import from_utc_text
from tests.faults.conftest import Entry
from tests.faults.harness import NIGHT, Sky, check_watch, spells, watching

FAULTS = {
    "refused": ("nobody listens on the channel's port", 0),
    "500": ("the channel answers 500", 500),
    "429": ("the channel answers 429", 429),
    "hang": ("the channel takes the request and never answers", None),
}
HOURS = 6
EVENT = EventSettings(confirm=1, of=1, dwell_min=5, cool_down_min=0, strong=1.0)


def channel(name: str, hours: float = 24) -> NotifySettings:
    return NotifySettings(name=name, url="json://127.0.0.1:9/", picture=False, expire_min=60 * hours)


def outage(tmp_path: Path, green: Path, speed: float, matrix: Entry) -> None:
    """Four phones, each dead in its own way, beside a mail that works and an owner."""
    phones = [channel(name) for name in FAULTS]
    impatient = NotifySettings(name="impatient", url="json://127.0.0.1:9/", picture=False, expire_min=90)
    skies = {"cam": Sky(spells(60, 20))}
    with watching(
        tmp_path,
        green,
        skies,
        speed=speed,
        event=EVENT,
        channels=[*phones, impatient, channel("mail"), "owner"],
    ) as watch:
        for name, (_, status) in FAULTS.items():
            watch.inboxes[name].status = status or (None if status is None else 503)
        watch.inboxes["impatient"].status = 503
        watch.wait(lambda: watch.clock.now() >= NIGHT + timedelta(hours=HOURS), "six hours", 60 * HOURS, 60)
        back = watch.clock.now()
        for inbox in watch.inboxes.values():
            inbox.status = 204
        wanted = watch.rows(
            "SELECT * FROM outbox WHERE created_at < ? AND audience = 'aurora'", str(back)[:10]
        )
        wanted = watch.rows("SELECT count(*) AS n FROM outbox WHERE channel = 'mail'")
        assert wanted[0]["n"] >= HOURS, "an onset an hour at least"

        def arrived() -> bool:
            waiting = watch.rows(
                "SELECT 1 FROM outbox WHERE delivered_at IS NULL AND expired_at IS NULL"
                " AND created_at < strftime('%Y-%m-%dT%H:%M:%SZ', ?)",
                back.isoformat(),
            )
            return not waiting

        watch.wait(arrived, "every unexpired message has arrived", cadences=60, slack_s=60)
        took = watch.clock.now() - back
        check_watch(watch)
        sent = watch.rows("SELECT * FROM outbox WHERE channel = 'mail' AND delivered_at IS NOT NULL")
        late = max(from_utc_text(m["delivered_at"]) - from_utc_text(m["created_at"]) for m in sent)
        real_s = late.total_seconds() / speed
        assert real_s < 60, "the mail had to wait for a phone"
        told = {mail.event_id + mail.title for mail in watch.inboxes["mail"].got}
        for name, (injected, _) in FAULTS.items():
            got = [m.event_id + m.title for m in watch.inboxes[name].got]
            before = {
                m["event_id"] + m["title"]
                for m in watch.rows(
                    "SELECT * FROM outbox WHERE channel = ? AND created_at < ?", name, text(back)
                )
            }
            assert before <= set(got), f"{name}: {before - set(got)}"
            assert set(got) <= told | before
            assert watch.counter("deliveries_total", channel=name, result="failed") >= (name != "hang")
            matrix(
                "Channels",
                f"{injected}, for {HOURS} h",
                f"all {len(before)} messages arrived once it was back, none twice; others not delayed",
                f"{took.total_seconds() / 60:.0f} min",
            )
        expired = watch.rows("SELECT * FROM outbox WHERE channel = 'impatient' AND expired_at IS NOT NULL")
        assert expired, "what nobody needs any more is given up"
        assert watch.counter("deliveries_total", channel="impatient", result="expired") == len(expired)
        (mail,) = [m for m in watch.operator_mail("channel 500")]
        assert "has not taken" in mail["body"]


def text(at: object) -> str:
    from daemon.observation import utc_text

    return utc_text(at)  # type: ignore[arg-type]


def test_dead_channels_get_everything_once_they_are_back(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """Six sped-up hours: no unexpired message is lost, none comes twice, and no other channel waits."""
    outage(tmp_path, green, float(os.environ.get("AURORAD_OUTAGE_SPEED", "1200")), matrix)
