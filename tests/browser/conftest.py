"""A real Chromium, looking at a real page; skipped with the reason where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "daemon")]  # chromium.py; web_night: the made-up night

from chromium import WIDE, opened, size  # noqa: E402


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


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source: from AURORAD_AXE, or from node_modules here, where `make browser` puts it."""
    here = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    path = Path(os.environ.get("AURORAD_AXE", here))
    if not path.is_file():
        pytest.skip("needs axe-core: call `make browser`, or set AURORAD_AXE to its axe.min.js")
    return path.read_text(encoding="utf-8")
