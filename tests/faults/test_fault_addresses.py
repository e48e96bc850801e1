"""Canaries in every position of an address, for feeds and for channels, well and wrongly written.

What is searched is all that an address can reach: its shown form, the error of asking for it, a channel's
error, the refusal of a configuration that holds it, and the log at its most talkative.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from daemon import address
from daemon.alert.channel import Channel, deliver
from daemon.clock import Clock
from daemon.config import SourceSettings, load
from daemon.errors import AuroradError, DeliveryError, FetchError
from daemon.observation import Message, OutboxRow
from daemon.source.url import UrlSource
from tests.faults.conftest import Entry
from tests.faults.harness import NIGHT, Inbox

CANARY = "canary"

CUNNING = st.text(alphabet=st.sampled_from("/?#;@:=&%\\ []+.,~!$'\"\t\né0aA"), max_size=6)
SECRET = st.builds(lambda before, after: f"{before}{CANARY}7x{after}", CUNNING, CUNNING)
"""A secret in any writing, the canary within it."""

QUOTED = SECRET.map(lambda secret: quote(secret, safe=""))
HOSTS = st.sampled_from(
    ["127.0.0.1:9", "localhost:1", "[::1]:9", "no-such-host.invalid", "host", "1.2.3.4:99999"]
)
STARTS = st.sampled_from(
    [
        "http://",
        "https://",
        "HTTP://",
        "http:",
        "http:/",
        "http:///",
        "https:",
        "",
        "//",
        "ftp://",
        "http//",
        " http://",
    ]
)

FEEDS = st.one_of(
    st.builds("{}{}:{}@{}/still.jpg".format, STARTS, st.just("admin"), SECRET, HOSTS),
    st.builds("{}{}@{}/still.jpg".format, STARTS, SECRET, HOSTS),
    st.builds("{}{}:pw@{}/still.jpg".format, STARTS, SECRET, HOSTS),
    st.builds("{}{}/still.jpg?{}".format, STARTS, HOSTS, SECRET),
    st.builds("{}{}/still.jpg?key={}&x=1".format, STARTS, HOSTS, SECRET),
    st.builds("{}{}/still.jpg#{}".format, STARTS, HOSTS, SECRET),
    st.builds("{}{}/still.jpg;key={}".format, STARTS, HOSTS, SECRET),
    st.builds("{}{};key={}/still.jpg".format, STARTS, HOSTS, SECRET),
    st.builds("{}{}:{}@{}/still.jpg?key={}".format, STARTS, QUOTED, QUOTED, HOSTS, QUOTED),
)
KNOWN = (
    "http://admin:canary/9@host/", "http://admin:canary#9@host/", "http://admin:canary?9@host/",
    "http://admin:canary;9@host/", "http://admin:canary@9@host/", "http://host/x;key=canary",
    "http:admin:canary@host/", "http://admin:1234/canary@host/", "http://host/still.jpg?a=b@canary",
    "http://host/canary0123456789abcdef/still.jpg", "http://host\\@canary/", "http://canary:@host:0/",
)  # fmt: skip


def hidden(said: str, where: str) -> None:
    at = said.lower().find(CANARY)
    assert at < 0, f"{where}: …{said[max(0, at - 60) : at + 60]!r}"


class Kept(logging.Handler):
    """All that is logged, by anybody."""

    def __init__(self) -> None:
        super().__init__(0)
        self.said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said += record.getMessage() + "\n"

    def __enter__(self) -> Kept:
        self._level = logging.getLogger().level
        logging.getLogger().addHandler(self)
        logging.getLogger().setLevel(0)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        logging.getLogger().setLevel(self._level)


@pytest.mark.parametrize("url", KNOWN)
def test_what_once_showed_a_password_shows_none(url: str) -> None:
    """Each of these put its secret into the log, or could have."""
    hidden(address.redact(url), "shown")
    source = UrlSource(
        SourceSettings.model_construct(url=url, kind="url", timeout_s=0.2, max_bytes=10), 60, "test"
    )
    hidden(source.describe(), "described")
    wrong = address.fault(url)
    if wrong:
        hidden(wrong, "refused")
        with pytest.raises(FetchError) as caught:
            source.ask()
        hidden("".join(traceback.format_exception(caught.value)), "asked")


@settings(max_examples=400, deadline=None)
@given(url=FEEDS)
def test_no_address_of_a_feed_shows_its_secret(url: str) -> None:
    """However it is written: the shown form, the fault, and the words of a parser."""
    shown = address.redact(url)
    hidden(shown, "shown")
    assert shown.isprintable()
    assert len(shown) <= address.SHOWN
    hidden(address.fault(url) or "", "fault")
    try:
        address.checked(url)
    except FetchError as error:
        hidden("".join(traceback.format_exception(error)), "refused")
    else:
        plain, login = address.without_login(url)
        assert login is not None or CANARY not in plain.partition("?")[0].partition("#")[0].partition(";")[0]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=FEEDS.filter(lambda url: "invalid" not in url and "//host" not in url))
def test_asking_for_an_address_says_nothing_of_its_secret(url: str) -> None:
    """The error with all its causes, and every line anybody logs."""
    with Kept() as kept:
        source = UrlSource(
            SourceSettings.model_construct(url=url, kind="url", timeout_s=0.2, max_bytes=10),
            60,
            "test",
            Clock(),
        )
        with pytest.raises(FetchError) as caught:
            source.latest()
    hidden(str(caught.value), "error")
    hidden(kept.said, "log")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=FEEDS | st.sampled_from(KNOWN), where=st.sampled_from(["camera.source", "daemon", "[notify]"]))
def test_a_configuration_is_refused_without_its_secret(url: str, where: str, tmp_path: Path) -> None:
    """Wherever an address may stand in the file."""
    path = tmp_path / "a.toml"
    quoted = '"' + "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in url) + '"'
    head = {"camera.source": "[[camera]]\n[camera.source]\nkind = 'url'\n", "daemon": "[daemon]\n",
            "[notify]": "[[notify]]\nname = 'x'\n"}[where]  # fmt: skip
    path.write_text(f"{head}url = {quoted}\n", encoding="utf-8")
    try:
        load(path)
    except AuroradError as error:
        hidden(str(error), "refused")


@pytest.fixture(scope="module")
def refusing() -> Inbox:
    """A channel that refuses."""
    inbox = Inbox()
    inbox.status = 500
    return inbox


CHANNELS = st.one_of(
    st.builds("json://admin:{}@{{}}/".format, SECRET),
    st.builds("json://{}@{{}}/".format, SECRET),
    st.builds("json://{{}}/{}".format, SECRET),
    st.builds("json://{{}}/?+X-Key={}".format, SECRET),
    st.builds("json:admin:{}@{{}}/".format, SECRET),
    st.builds("json://{{}}/;key={}#{}".format, SECRET, SECRET),
    st.builds("json://{}:{}@{{}}/{}?-k={}".format, QUOTED, QUOTED, QUOTED, QUOTED),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=CHANNELS)
def test_no_channel_s_error_shows_its_address(url: str, refusing: Inbox) -> None:
    """Sent, refused or not understood: nothing in the error or in any log line."""
    url = url.replace("{}", refusing.url.removeprefix("json://").rstrip("/"))
    message = Message("e", "onset", "x", "aurora", "cam", "Aurora", "event e", NIGHT, NIGHT)
    with Kept() as kept:
        try:
            deliver(OutboxRow(1, message, 1), Channel("x", SecretStr(url)), timeout_s=10)
        except DeliveryError as error:
            hidden(str(error), "error")
    hidden(kept.said, "log")


@settings(max_examples=300, deadline=None)
@given(url=CHANNELS, frame=st.sampled_from(["failed at {}", "HTTPConnectionPool({}): refused", "'{}'", "{}"]))
def test_a_program_s_words_lose_an_address_in_them(url: str, frame: str) -> None:
    """As a whole, without its scheme, decoded: the canary is found in all of it."""
    bare = url.partition(":")[2].lstrip("/")
    for said in (url, bare, address.unquote(url), address.unquote(bare)):
        hidden(address.redact_text(frame.format(said), url), said)


def test_canaries_in_addresses(matrix: Entry) -> None:
    """The line of the matrix; the tests above are what it says."""
    matrix("The machine", "canaries in every position of a feed's and a channel's address, also wrongly written",
           "none in shown forms, errors, refusals or logs")  # fmt: skip
