"""The examples in deploy/proxy, each run by the real server before the real page, where Debian's is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from daemon.alert.push import Push
from daemon.config import DaemonSettings, Settings
from tests import web_night
from tests.web_night import House

PROXY = Path(__file__).parents[2] / "deploy/proxy"
TOKEN = "correct horse battery staple"
PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
Start = Callable[[Path, int, int], list[str]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def nginx(location: str) -> Start:
    """nginx with one location, everything it writes in the test's own folder."""

    def start(folder: Path, port: int, ours: int) -> list[str]:
        program = shutil.which("nginx", path=PATHS)
        if program is None:
            pytest.skip("no nginx here (Debian: nginx-light)")
        places = " ".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
            f"http {{ access_log off; {places}\n server {{ listen 127.0.0.1:{port};\n"
            f"{location.replace('127.0.0.1:8080', f'127.0.0.1:{ours}')}\n }} }}\n"
        )  # fmt: skip
        return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]

    return start


def caddy(folder: Path, port: int, ours: int) -> list[str]:
    """Caddy with the example as it is, but for its name and ports."""
    program = shutil.which("caddy", path=PATHS)
    if program is None:
        pytest.skip("no caddy here (Debian: caddy)")
    text = (PROXY / "Caddyfile").read_text()
    text = text.replace("your.name {", f"http://127.0.0.1:{port} {{").replace(
        "127.0.0.1:8080", f"127.0.0.1:{ours}"
    )
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{text}")
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


DEFAULTS = "location /aurora/ { proxy_pass http://127.0.0.1:8080/; }"
"""What most people write first: nginx then asks under our own address and says nothing of the browser's."""

LEFT_ON = "location /aurora/ { proxy_pass http://127.0.0.1:8080; }"
"""Without the slash at its end the path is left on."""

NO_SLASH = "location /aurora { proxy_pass http://127.0.0.1:8080/; }"
"""Without the slash at its own end two are left at the beginning of each path."""

PROXIES = {
    "nginx": nginx((PROXY / "nginx.conf").read_text()),
    "nginx as it comes": nginx(DEFAULTS),
    "nginx, path left on": nginx(LEFT_ON),
    "nginx, two slashes": nginx(NO_SLASH),
    "caddy": caddy,
}


@contextmanager
def behind(start: Start, folder: Path, push: Push | None = None) -> Iterator[tuple[House, str]]:
    """The page, a proxy before it, and the address people use."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/aurora"
    settings = Settings(daemon=DaemonSettings(url=f"{url}/"))
    with web_night.house(folder, minutes=12, token=TOKEN, settings=settings, push=push) as house:
        command = start(folder, port, house.server.port)
        running = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        )  # fmt: skip
        try:
            end = time.monotonic() + 20
            while not _answers(port):
                assert running.poll() is None, "the proxy does not start"
                assert time.monotonic() < end
                time.sleep(0.02)
            yield house, url
        finally:
            running.terminate()
            running.wait(10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", params=PROXIES)
def proxied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, str]]:
    with behind(PROXIES[request.param], tmp_path_factory.mktemp("proxy")) as made:
        yield made


def test_the_page_is_read_through_the_proxy(proxied: tuple[House, str]) -> None:
    """Pages, the picture of the present, the interface, health."""
    _, url = proxied
    for path in ("/", "/season", "/events", "/api/cameras", "/latest.jpg", "/-/healthy"):
        assert httpx.get(f"{url}{path}").status_code == 200, path


def test_a_browser_signs_in_and_labels_through_the_proxy(proxied: tuple[House, str]) -> None:
    """The Origin is the proxy's address, whatever Host it asks us under; another site's is refused."""
    _, url = proxied
    here = {"origin": url.removesuffix("/aurora"), "sec-fetch-site": "same-origin"}
    label = {
        "camera": "yellowknife",
        "observed_at": web_night.at_minute(10),
        "label": "aurora",
        "who": "Ada",
    }
    with httpx.Client() as browser:
        assert browser.post(f"{url}/label", json=label, headers=here).status_code == 401
        signed = browser.post(f"{url}/sign-in", data={"token": TOKEN, "to": "/"}, headers=here)
        assert signed.status_code == 303
        assert browser.post(f"{url}/label", json=label, headers=here).status_code == 201
        evil = here | {"origin": "http://evil.example"}
        assert browser.post(f"{url}/label", json=label, headers=evil).status_code == 403


def test_the_traefik_example_says_what_traefik_reads() -> None:
    """No Traefik in Debian: its file is read, and its parts must name each other."""
    http = yaml.safe_load((PROXY / "traefik.yaml").read_text())["http"]
    (router,) = http["routers"].values()
    assert set(router["middlewares"]) == set(http["middlewares"])
    assert router["service"] in http["services"]
    prefix = http["middlewares"]["aurorad-prefix"]["stripPrefix"]["prefixes"]
    assert prefix == ["/aurora"]
    assert f"PathPrefix(`{prefix[0]}`)" in router["rule"]
