"""What the browser's tests share: waiting, reading the page, going through a night by key."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from selenium.webdriver import Chrome

from tests.pace import slowness

THEMES = ("dark", "red", "light")
SCRUB = """
const [count, done] = arguments;
const canvas = document.querySelector(".dome canvas");
const took = [];
const step = (index) => {
  if (index === count) return done(took);
  const begun = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
  const wait = () => {
    if (canvas.dataset.drawn?.split(" ")[0] !== String(index)) return setTimeout(wait, 1);
    took.push(performance.now() - begun);
    setTimeout(() => step(index + 1), 0);
  };
  wait();
};
step(1);
"""
"""Every frame of a night by the arrow key: the ms from each key to its own frame, painted."""


def until(driver: Chrome, true: Callable[[], Any], within_s: float = 10.0) -> float:
    """Wait for something to become true, a slow machine longer; gives the seconds it took."""
    begun = time.monotonic()
    while not true():
        passed = time.monotonic() - begun
        late = passed >= within_s and passed >= within_s * slowness()
        assert not late, f"not within {within_s} s; the page says: {said(driver)[:600]}"
        time.sleep(0.05)
    return time.monotonic() - begun


def said(driver: Chrome) -> str:
    """All that the page says."""
    return str(driver.execute_script("return document.querySelector('main').innerText"))
