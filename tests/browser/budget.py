"""What the page may weigh and how soon it is to be painted, measured in a browser as slow as a Pi's."""

from __future__ import annotations

from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

PHONE = (390, 844)
FIRST_PAINT_MS = 1000
PI_SLOWDOWN = 4  # what browsers' own tools take for a slow phone or a small computer
MOST_BYTES = 150_000

_PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_WEIGHT = """
const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
return entries.filter((each) => each.initiatorType !== "img").reduce((sum, each) => sum + each.decodedBodySize, 0);
"""


def painted(browser: Chrome, url: str, loads: int) -> tuple[list[float], int]:
    """The first paint of each of some loads without cache, ms, and the page's bytes without pictures, unpacked."""
    browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": PI_SLOWDOWN})
    took: list[float] = []
    try:
        for _ in range(loads):
            browser.get(url)
            WebDriverWait(browser, 30).until(lambda browser: browser.execute_script(_PAINTED))
            took.append(browser.execute_script(_PAINTED))
        return took, int(browser.execute_script(_WEIGHT))
    finally:
        browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
        browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
