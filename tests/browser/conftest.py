"""A real Chromium, looking at a real page; skipped with the reason where there is none."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, str(Path(__file__).parents[1] / "daemon"))  # web_night: the made-up night

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--disable-dev-shm-usage", "--force-device-scale-factor=1",
)  # fmt: skip
WIDE, NARROW = 1440, 360


@contextmanager
def opened(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a fresh profile, which records what it asks for and what it complains of."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("needs chromium and chromedriver (Debian: apt install chromium chromium-driver)")
    options = Options()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def shared_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for a module's tests: starting one takes seconds."""
    with opened(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def browser(shared_browser: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """The browser, wide, without cookies, its logs empty; at the end nobody may have complained."""
    size(shared_browser, WIDE)
    shared_browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    shared_browser.get_log("browser")
    shared_browser.get_log("performance")
    yield shared_browser
    complaints = [entry["message"] for entry in shared_browser.get_log("browser")]
    assert [told for told in complaints if "Content Security Policy" in told or "Uncaught" in told] == []


def size(driver: webdriver.Chrome, width: int, height: int = 900) -> None:
    """The window's size, as a phone's where it is narrow."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )


def asked_for(driver: webdriver.Chrome) -> list[str]:
    """Every address the browser has asked for since its log was last read."""
    told: list[str] = []
    for entry in driver.get_log("performance"):
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            told.append(message["params"]["request"]["url"])
    return told


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source: from AURORAD_AXE, or from node_modules here, where `make browser` puts it."""
    here = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    path = Path(os.environ.get("AURORAD_AXE", here))
    if not path.is_file():
        pytest.skip("needs axe-core: call `make browser`, or set AURORAD_AXE to its axe.min.js")
    return path.read_text(encoding="utf-8")
