"""How a message is sent: by Apprise, which lives here.

One Apprise object per delivery and channel, so that a dead channel blocks no other; a limit on the
whole time, kept by a thread of our own, since a server that drips defeats every socket timeout; an
attachment that is refused does not take its message along. No address of a channel, nor a part of
one, ever stands in an error or a log line.
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from daemon.address import redact_text
from daemon.errors import ConfigError, DeliveryError
from daemon.observation import Message, OutboxRow
from daemon.record.outbox import TOO_MANY

TIMEOUT_S = 60.0
"""Longest one delivery is waited for, both tries of a message with a picture together."""

ANSWER_S = 300.0
"""Longest wait for the service's answer, by a thread that is left behind after TIMEOUT_S. Who has sent a
message and waits no longer does not know whether it was taken, and would send it again."""

REFUSED_OFTEN = 4
"""Answers that were no, in three and a half minutes, after which it may be the message that a service will not have,
and the one behind it is tried too."""

BACK_OFF = (timedelta(seconds=30), timedelta(minutes=5))
"""The first wait after a failure, doubled each time, and the longest."""


@dataclass
class Channel:
    """Where messages go. ``url`` is an Apprise address: a secret, always."""

    name: str
    url: SecretStr
    wants_all: ClassVar[bool] = False
    _line: _Line = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._line = _LINES.setdefault((self.name, self.url.get_secret_value()), _Line())

    def check(self) -> None:
        """Raise ConfigError where no service understands the address, or it names nobody; nothing is sent."""
        service = _service(self.url)
        if service is None:
            raise ConfigError(f"channel {self.name!r}: no service understands its address; check the `url`")
        # Others refuse such an address themselves; ntfy's would be accepted and every message lost.
        if any(plugin.service_name == "ntfy" and not plugin.topics for plugin in service):
            raise ConfigError(
                f"channel {self.name!r}: its address names no topic; write it behind the server: ntfys://ntfy.sh/TOPIC"
            )

    def ready(self) -> bool:
        """Whether it is any use to try: always, for who knows before."""
        return True

    def deliver(self, row: OutboxRow, picture: Path | None) -> None:
        """As :func:`deliver`."""
        deliver(row, self, picture)


@dataclass
class _Line:
    """What goes on with a service: the thread that sends, and the message that was left behind with it."""

    sending: threading.Thread | None = None
    left_behind: tuple[tuple[int, str, str], _Answer] | None = None


_LINES: dict[tuple[str, str], _Line] = {}
"""By name and address, for as long as the process lives: a reload makes the channels anew, and what a service
has been given and not yet answered must not be sent again for that."""


@dataclass
class _Answer:
    """What came of one try, left here by its thread."""

    taken: bool = False
    refused: bool = False
    why: str = "no answer"
    error: Exception | None = None


def deliver(
    row: OutboxRow, channel: Channel, picture: Path | None = None, *, timeout_s: float = TIMEOUT_S
) -> None:
    """Send one message; returning means the service took it. Raises DeliveryError otherwise.

    ``picture`` is the file to attach, by default the message's own; one that is gone is left out.
    A service that refuses the message with its picture is asked again without. Takes at most
    ``timeout_s``; a delivery that hangs longer is left behind, and the channel sends nothing more
    until it has ended. Was that message taken late, it is not sent again.
    """
    line, key = channel._line, (row.id, row.message.event_id, row.message.kind)
    if line.sending is not None and line.sending.is_alive():
        raise DeliveryError(f"channel {channel.name}: the delivery before still hangs")
    if line.left_behind is not None and line.left_behind[0] == key:
        late, line.left_behind = line.left_behind[1], None
        if late.taken:
            return
    if picture is None and row.message.picture is not None:
        picture = Path(row.message.picture)
    answer = _Answer()
    line.sending = threading.Thread(
        target=_send,
        args=(row.message, channel, picture if picture and picture.is_file() else None, answer),
        name=f"deliver-{channel.name}",
        daemon=True,
    )
    line.sending.start()
    line.sending.join(timeout_s)
    if line.sending.is_alive():
        line.left_behind = (key, answer)
        raise DeliveryError(f"channel {channel.name}: no answer within {timeout_s:g} s")
    if answer.error is not None:
        text = redact(f"{type(answer.error).__name__}: {answer.error}", channel.url)
        raise DeliveryError(f"channel {channel.name}: {text}") from None
    if not answer.taken:
        raise DeliveryError(
            f"channel {channel.name}: not taken: {redact(answer.why, channel.url)}",
            passes=answer.refused and row.attempts >= REFUSED_OFTEN,
        )


def _send(message: Message, channel: Channel, picture: Path | None, answer: _Answer) -> None:
    """Thread: try with the picture, then without where that may be what was refused."""
    try:
        _try(message, channel, picture, answer)
        if picture is not None and not answer.taken and answer.refused:
            _try(message, channel, None, answer)
    except Exception as error:  # a plugin's own fault must not end as a thread's traceback, url and all
        answer.error = error


def _try(message: Message, channel: Channel, picture: Path | None, answer: _Answer) -> None:
    service = _service(channel.url)
    if service is None:
        answer.why = "no service understands its address; check the `url`"
        return
    result = service.notify(
        title=message.title,
        body=message.body,
        body_format="text",
        notify_type="warning" if message.audience == "operator" else "info",
        attach=str(picture) if picture else None,
    )
    answer.taken = bool(result)
    said = [entry.message for entry in result.logs()]
    answer.why = " ".join(said) or "the service gave no reason"
    # Too many requests, or nobody there: asking again at once would be rude or in vain.
    answer.refused = not re.search(rf"{TOO_MANY}|[Cc]onnection error|[Tt]imed? ?out", answer.why)


def _service(url: SecretStr) -> Any:
    """An Apprise object with the one service, or None. Imported here: most commands send nothing."""
    import apprise

    _quieten()
    asset = apprise.AppriseAsset(
        app_id="aurorad",
        app_desc="a night watch for the aurora",
        async_mode=False,
        service_timeout=0,  # the limit is deliver's own; Apprise's would leave threads that bar the exit
        http_redirects=False,  # a redirected POST arrives as a GET without the message
        storage_mode="memory",
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(url.get_secret_value()):
        return None
    for plugin in service:
        if plugin.socket_read_timeout == apprise.URLBase.socket_read_timeout:
            plugin.socket_read_timeout = ANSWER_S
    return service


def _quieten() -> None:
    """Keep addresses out of the log: Apprise names hosts, its and urllib3's debug lines whole paths."""
    apprise = logging.getLogger("apprise")
    apprise.propagate = False
    if not apprise.handlers:
        apprise.addHandler(logging.NullHandler())  # without one, warnings go to standard error
    for logger, least in ((apprise, logging.WARNING), (logging.getLogger("urllib3"), logging.INFO)):
        if logger.level < least:
            logger.setLevel(least)


def redact(text: str, url: SecretStr) -> str:
    """The text without any address and without any part of this one, as written or percent-encoded."""
    return redact_text(text, url.get_secret_value())


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When to try again after that many failures: 30 s, doubled each time, at most 5 min: aurora does not wait."""
    first, longest = BACK_OFF
    doublings: int = min(max(attempts, 1) - 1, 16)
    return now + min(first * (1 << doublings), longest)
