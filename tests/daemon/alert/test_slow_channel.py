"""A channel that takes a message and answers late: whoever does not wait for the answer sends it again."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from daemon.alert import channel as channels
from daemon.alert.channel import Channel, deliver
from daemon.errors import DeliveryError
from daemon.observation import Message, OutboxRow
from tests.faults.harness import NIGHT, Inbox


def row(row_id: int, event_id: str = "e") -> OutboxRow:
    message = Message(
        event_id, "onset", "phone", "aurora", "cam", "Aurora", f"event {event_id}", NIGHT, NIGHT
    )
    return OutboxRow(row_id, message, 1)


def delivered(message: OutboxRow, channel: Channel) -> None:
    """Deliver it, as soon as what was left behind has ended."""
    end = time.monotonic() + 60
    while True:
        try:
            return deliver(message, channel, timeout_s=60)
        except DeliveryError as error:
            if "still hangs" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def test_a_message_taken_late_is_not_sent_again() -> None:
    """Left behind after the time limit, answered later: the next try finds it delivered; others are sent."""
    inbox = Inbox()
    inbox.answers.clear()
    channel = Channel("phone", SecretStr(inbox.url))
    with pytest.raises(DeliveryError, match="no answer within"):
        deliver(row(1), channel, timeout_s=0.3)
    with pytest.raises(DeliveryError, match="still hangs"):
        deliver(row(1), channel, timeout_s=0.3)
    inbox.answers.set()
    delivered(row(1), channel)
    delivered(row(2, "f"), channel)
    assert [mail.event_id for mail in inbox.got] == ["e", "f"]
    inbox.close()


def test_a_reload_does_not_forget_what_is_on_its_way() -> None:
    """The channel made anew waits for the delivery left behind, and finds its message taken."""
    inbox = Inbox()
    inbox.answers.clear()
    with pytest.raises(DeliveryError, match="no answer within"):
        deliver(row(1), Channel("phone", SecretStr(inbox.url)), timeout_s=0.3)
    again = Channel("phone", SecretStr(inbox.url))
    with pytest.raises(DeliveryError, match="still hangs"):
        deliver(row(1), again, timeout_s=0.3)
    inbox.answers.set()
    delivered(row(1), again)
    assert [mail.event_id for mail in inbox.got] == ["e"]
    inbox.close()


def test_a_message_refused_late_is_sent_again() -> None:
    """What the left-behind try came to decides, not that there was one."""
    inbox = Inbox()
    inbox.status = None  # hangs
    channel = Channel("phone", SecretStr(inbox.url))
    with pytest.raises(DeliveryError, match="no answer within"):
        deliver(row(1), channel, timeout_s=0.3)
    inbox.status = 204  # and the connection of the first try ends without an answer
    delivered(row(1), channel)
    assert [mail.event_id for mail in inbox.got] == ["e"]
    inbox.close()


@pytest.mark.parametrize(
    "address", ["json://127.0.0.1/", "ntfy://127.0.0.1/topic", "matrix://u:p@127.0.0.1/#r"]
)
def test_no_answer_is_given_up_before_the_delivery_is(address: str) -> None:
    """The service's own limit lies beyond ours: a slow answer is never mistaken for none."""
    service = channels._service(SecretStr(address))
    for plugin in service:
        assert plugin.socket_read_timeout >= channels.ANSWER_S > channels.TIMEOUT_S
