"""Channels that are down for hours, refuse, ask for patience, or hang, while others work.

Spells of aurora come and go over six hours of the watch's time; four phones are dead all that while.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.config import EventSettings, NotifySettings
from daemon.observation import from_utc_text, utc_text
from tests.faults.conftest import Entry
from tests.faults.harness import NIGHT, Sky, Watch, check_watch, spells, watching
from tests.pace import slowness

FAULTS = {
    "status500": ("a channel that answers 500", 500),
    "status503": ("a channel that answers 503", 503),
    "status429": ("a channel that answers 429", 429),
    "hanging": ("a channel that takes the request and never answers", None),
}
HOURS = 6
QUICK, LONG = 1800, 60
"""How many times as fast as time six hours go by in `make test`, and where there is time for it."""
EVENT = EventSettings(confirm=1, of=1, dwell_min=5, cool_down_min=0, strong_level=7)


def channel(name: str, hours: float = 48) -> NotifySettings:
    return NotifySettings(name=name, url="json://127.0.0.1:9/", picture=False, expire_min=60 * hours)


def waiting(watch: Watch, before: str) -> int:
    """Messages of before that instant that wait for a patient channel."""
    sql = "SELECT 1 FROM outbox WHERE delivered_at IS NULL AND expired_at IS NULL AND channel != 'impatient' AND created_at < ?"
    return len(watch.rows(sql, before))


@pytest.mark.parametrize(
    "speed", [QUICK, pytest.param(LONG, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
)
def test_dead_channels_get_everything_once_they_are_back(
    speed: int, tmp_path: Path, green: Path, matrix: Entry
) -> None:
    """Six sped-up hours: each event is reported, in order and once, and no other channel waits.

    Of those that are over by then only the end is: what became of the onset is on record.
    """
    # On a starved machine half a second of work is a quarter of an hour of that clock, and its news are history.
    speed = min(speed, round(QUICK / slowness()))
    channels = [*(channel(name) for name in FAULTS), channel("mail"), channel("impatient", 1.5), "owner"]
    with watching(
        tmp_path, green, {"cam": Sky(spells(120, 60))}, speed=speed, event=EVENT, channels=channels
    ) as watch:
        for name, (_, status) in FAULTS.items():
            watch.inboxes[name].status = status
        watch.inboxes["impatient"].status = 503
        watch.wait(lambda: watch.clock.now() >= NIGHT + timedelta(hours=HOURS), "six hours", 60 * HOURS, 60)
        back = utc_text(watch.clock.now())
        for inbox in watch.inboxes.values():
            inbox.status = 204
        watch.wait(lambda: not waiting(watch, back), "all unexpired messages arrive", 40, slack_s=90)
        took_min = (watch.clock.now() - from_utc_text(back)).total_seconds() / 60
        check_watch(watch)

        mail = watch.rows("SELECT * FROM outbox WHERE channel = 'mail' AND created_at < ?", back)
        assert len(mail) >= 2, "a spell and its end at least"
        late = max(
            from_utc_text(m["delivered_at"] or m["expired_at"]) - from_utc_text(m["created_at"]) for m in mail
        )
        late_s = late.total_seconds() / speed
        assert late_s < 15, "the mail waited for a phone"
        for name, (injected, status) in FAULTS.items():
            wanted = watch.rows(
                "SELECT * FROM outbox WHERE channel = ? AND created_at < ? ORDER BY id", name, back
            )
            passed = [m for m in wanted if m["expired_at"]]
            assert {m["kind"] for m in passed} == {"onset"}
            assert all("the event was over" in m["last_error"] for m in passed)
            ends = {m["event_id"] for m in wanted if m["kind"] == "over"}
            assert {m["event_id"] for m in passed} <= ends
            got = [(m.event_id, m.title) for m in watch.inboxes[name].got]
            taken = [(m["event_id"], m["title"]) for m in wanted if not m["expired_at"]]
            assert got[: len(taken)] == taken, "in their order, each once, and none that was given up"
            assert len(got) == len(set(got))
            assert len(wanted) == len(mail)
            if status is not None:
                assert watch.counter("deliveries_total", channel=name, result="failed") >= 5
                assert len(watch.operator_mail(f"hannel {name} has not taken")) == 1
            matrix(
                "Alert channels",
                f"{injected}, for {HOURS} h (at {speed} times the speed)",
                f"of {len(wanted)} messages {len(taken)} arrived once and in order, {len(passed)} onsets of events over by"
                f" then were given up; the longest wait of another channel {late_s:.1f} s",
                f"≤ {took_min:.0f} min of its time",
            )
        watch.service._keep_house()
        expired = watch.rows("SELECT * FROM outbox WHERE channel = 'impatient' AND expired_at IS NOT NULL")
        assert expired, "what nobody needs any more is given up"
        untrue = [m for m in expired if "given up" in (m["last_error"] or "")]
        assert watch.counter("deliveries_total", channel="impatient", result="dropped") == len(untrue)
        past = watch.counter("deliveries_total", channel="impatient", result="expired")
        assert past == len(expired) - len(untrue) > 0


def test_a_slow_channel_gets_each_message_once(tmp_path: Path, green: Path, matrix: Entry) -> None:
    """It takes the message and answers 20 real seconds later; nothing is sent a second time."""
    with watching(
        tmp_path, green, {"cam": Sky(spells(1000, 500))}, event=EVENT, channels=["people"]
    ) as watch:
        watch.inboxes["people"].delay_s = 20
        delivered = "SELECT 1 FROM outbox WHERE channel = 'people' AND delivered_at IS NOT NULL"
        watch.wait(lambda: watch.rows(delivered), "it is delivered", cadences=25, slack_s=20)
        watch.inboxes["people"].delay_s = 0
        watch.sleep(5)
        check_watch(watch)
        got = [(mail.event_id, mail.title) for mail in watch.inboxes["people"].got]
        assert len(got) == len(set(got)) >= 1
        assert watch.counter("deliveries_total", channel="people", result="failed") == 0
    matrix("Alert channels", "a channel that answers after 20 s", "each message once")
