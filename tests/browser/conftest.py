"""A real Chromium, looking at a real page; skipped with the reason where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "daemon")]  # chromium.py; web_night: the made-up night

from browsing import THEMES  # noqa: E402
from chromium import WIDE, opened, size  # noqa: E402

# Every rule that axe has by default, A, AA and best practices, in every theme.
AXE = """
const [themes, done] = arguments;
const shown = document.documentElement.dataset;
const inTurn = async () => {
  const found = {}, was = shown.theme;
  for (const each of document.querySelectorAll("details")) each.open = true;
  for (shown.theme of themes) {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    const wrong = violations.map((rule) => [rule.id, rule.nodes.map((node) => [node.html.slice(0, 200), node.failureSummary])]);
    if (wrong.length) found[shown.theme] = wrong;
  }
  shown.theme = was;
  return found;
};
inTurn().then(done, (error) => done({ error: String(error) }));
"""


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
def axe_core() -> str:
    """axe-core's source: from AURORAD_AXE, or from the package of the dev extra that carries it."""
    carrier = find_spec("axe_playwright_python")
    carried = Path(carrier.origin).with_name("axe.min.js") if carrier and carrier.origin else HERE / "none"
    path = Path(os.environ.get("AURORAD_AXE") or carried)
    if not path.is_file():
        pytest.skip("needs axe-core: call `make browser`, or set AURORAD_AXE to its axe.min.js")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def axe(browser: webdriver.Chrome, axe_core: str) -> Iterator[Callable[[], dict[str, Any]]]:
    """What axe finds wrong on the open page, all that folds unfolded: by theme, rules with their elements."""

    def found() -> dict[str, Any]:
        browser.execute_script(axe_core)
        violations: dict[str, Any] = browser.execute_async_script(AXE, THEMES)
        return violations

    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    yield found
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
