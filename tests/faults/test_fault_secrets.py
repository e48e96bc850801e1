"""Canaries wherever a secret may stand, the daemon brought into trouble, and all it left behind searched."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from daemon.config import load
from daemon.errors import ConfigError
from tests.faults.conftest import Entry
from tests.faults.harness import Sky, aurorad, rows, soon, spells, write_config
from tests.loopback import Loopback
from training.simulator.site import Site

CANARY = "canary"
"""In every secret below, and in nothing else."""

FEED = ("eve", "canary1password", "canary2key")
PHONE = ("bob", "canary3password", "canary4path")
MAIL = "canary5path"
TOKEN = "canary6token-of-the-page"
REFUSED = "json://me:canary7refused@127.0.0.1/"

PAGES = (
    "/", "/live", "/night", "/season", "/events", "/label", "/sign-in", "/metrics", "/-/healthy", "/-/ready",
    "/api/openapi.json", "/api/cameras", "/api/observations", "/api/events", "/api/nights", "/api/labels",
    "/api/queue", "/nowhere",
)  # fmt: skip
SPOILT: tuple[tuple[str, str], ...] = (
    ("not valid TOML", f'\n[[notify]]\nname = "x"\nurl = "{REFUSED}'),
    ("unknown key", f'\n[[notify]]\nname = "x"\nurl = "env:PHONE"\nurll = "{REFUSED}"\n'),
    ("url", f'\n[[notify]]\nname = "x"\nurl = ["{REFUSED}"]\n'),
    ("audience", f'\n[[notify]]\nname = "x"\nurl = "{REFUSED}"\naudience = "{REFUSED}"\n'),
)
LONG_AGO, FAR_OFF = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Gossip:
    """The camera's server and the channels' in one: where it refuses it says back all it was told."""

    def __init__(self) -> None:
        self.fault = ""
        self.heard = ""
        site = Site(Sky(spells(0.15, 0.07, LONG_AGO), begins=LONG_AGO, ends=FAR_OFF, step_s=1.0))
        gossip = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                said, still = self._listen(), site.still("480p")
                if not gossip.fault:
                    self._answer(200, still.data, {"Last-Modified": still.last_modified})
                elif gossip.fault == "302":
                    self._answer(302, said, {"Location": f"http://no-such-host.invalid{self.path}"})
                else:
                    self._answer(int(gossip.fault), said, {"X-Said": self.path})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(500, self._listen(), {"X-Said": self.path})

            def _listen(self) -> bytes:
                login = self.headers.get("Authorization", "").removeprefix("Basic ")
                said = f"{self.path} {base64.b64decode(login).decode()}\n{self.headers}"
                gossip.heard += said
                return said.encode()

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status, "All well" if status == 200 else self.path)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)

        self._server = Loopback(Handler)
        self.place = self._server.place
        self.close = self._server.close


@pytest.fixture
def gossip() -> Iterator[Gossip]:
    server = Gossip()
    yield server
    server.close()


def planted(folder: Path, green: Path, gossip: Gossip) -> tuple[Path, dict[str, str]]:
    """A configuration with a secret of every kind, its log at its most talkative; its environment."""
    (folder / "secrets").mkdir()
    (folder / "secrets/mail").write_text(f"json://{gossip.place}/{MAIL}\n")
    (folder / "work").mkdir()
    config = write_config(
        folder / "work/a.toml",
        model=green,
        url="http://{}:{}@{}/still.jpg?key={}".format(*FEED[:2], gossip.place, FEED[2]),
        inbox="env:PHONE",
        more='[[notify]]\nname = "mail"\nurl = "credential:mail"\naudience = "both"\n',
    )
    text = config.read_text().replace("[daemon]", '[daemon]\nlog_level = "debug"\ntoken = "env:PAGE"')
    config.write_text(text)
    return config, {
        "PHONE": "json://{}:{}@{}/{}?+X-Key=canary8header".format(*PHONE[:2], gossip.place, PHONE[2]),
        "PAGE": TOKEN,
        "CREDENTIALS_DIRECTORY": str(folder / "secrets"),
    }


def command(config: Path, environment: dict[str, str], *words: str) -> str:
    """What a command prints, both ways."""
    done = subprocess.run(
        [sys.executable, "-c", "from daemon.cli import main; main()", *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        cwd=Path(__file__).parents[2], env={**os.environ, **environment, "AURORAD_CONFIG": str(config)},
    )  # fmt: skip
    return done.stdout


def read(address: str, token: str = "", body: bytes | None = None) -> str:
    """A page with its headers, whatever its status."""
    asked = urllib.request.Request(address, body, {"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return f"{answer.headers}{answer.read().decode(errors='replace')}"
    except urllib.error.HTTPError as error:
        return f"{error.headers}{error.read().decode(errors='replace')}"


def listening(pid: int) -> set[tuple[str, int]]:
    """Where a process listens, IPv4 or IPv6: the addresses as the kernel knows them."""
    own = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            own.add(os.readlink(handle).removeprefix("socket:[").rstrip("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A" and cells[9] in own:
                address, port = cells[1].split(":")
                plain = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found.add((plain, int(port, 16)))
    return found


def test_no_secret_is_ever_said(gossip: Gossip, tmp_path: Path, green: Path, matrix: Entry) -> None:
    """Not in the log, the metrics, the page, the interface, the record, a file, nor an error's text; and
    who was not told otherwise listens on loopback alone."""
    config, environment = planted(tmp_path, green, gossip)
    log, database, good = tmp_path / "work/log", tmp_path / "work/state/aurorad.db", config.read_text()
    process = aurorad(config, log, **environment)
    found: dict[str, str] = {}

    def trouble(fault: str, word: str) -> None:
        gossip.fault, from_here = fault, len(log.read_text())
        soon(lambda: word in log.read_text()[from_here:], f"the log says {word!r}", 30)

    def refused(word: str, more: str) -> None:
        from_here = len(log.read_text())
        config.write_text(good + more)
        process.send_signal(signal.SIGHUP)
        soon(lambda: "not reloaded" in log.read_text()[from_here:], f"{word}: refused", 30)
        assert word in log.read_text()[from_here:]
        with pytest.raises(ConfigError) as told:
            load(config)
        found[f"--debug: {word}"] = "".join(traceback.format_exception(told.value))
        config.write_text(good)

    try:
        soon(
            lambda: database.exists() and len(rows(database, "SELECT 1 FROM observations")) >= 3, "it watches"
        )
        failed = "SELECT 1 FROM outbox WHERE last_error IS NOT NULL AND kind = 'onset'"
        soon(lambda: len(rows(database, failed)) >= 2, "both channels fail", 60)
        for fault, word in (("500", "answered 500"), ("404", "answered 404"), ("302", "cannot be resolved")):
            trouble(fault, word)
        for word, more in SPOILT:
            refused(word, more)
        for words in (("doctor", "--json"), ("--debug", "test-alert")):
            found[words[1]] = command(config, environment, *words)
        page = log.read_text().rpartition("page at ")[2].split()[0]
        assert listening(process.pid) == {("127.0.0.1", int(page.rstrip("/").rpartition(":")[2]))}
        for path in PAGES:
            found[path], found[f"{path} with the token"] = read(page + path), read(page + path, TOKEN)
        found["a label without the token"] = read(f"{page}/label", body=b"label=aurora")
        found["/metrics"] += read(f"{page}/metrics")
    finally:
        process.kill()
        process.wait()
    _heard_them_all(gossip)
    assert "aurorad_deliveries_total" in found["/metrics"]
    assert "not taken" in found["test-alert"]
    for file in filter(Path.is_file, (tmp_path / "work").rglob("*")):
        if file != config:
            found[str(file)] = file.read_bytes().decode(errors="replace")
    assert str(database) in found
    for where, text in found.items():
        at = text.lower().find(CANARY)
        assert at < 0, f"{where}: …{text[max(0, at - 200) : at + 100]}"
    matrix("The machine", "canaries in every secret, then trouble with the feed, the channels, the configuration",
           f"none in {len(found)} logs, pages, files of the record and errors")  # fmt: skip


def _heard_them_all(gossip: Gossip) -> None:
    """The secrets were in use: a test without this could not fail."""
    for secret in (*FEED, *PHONE, MAIL, "canary8header"):
        assert secret in gossip.heard
