"""Photograph a running page for the README: every page, theme and width.

    python tests/browser/screenshots.py http://127.0.0.1:8080 docs/pictures 2024-02-10

The pictures are as tall as the page. Made from the demo, whose sky is simulated.
"""

from __future__ import annotations

import base64
import itertools
import sys
import tempfile
import time
from pathlib import Path

from chromium import WIDE, opened, size

THEMES = ("dark", "red", "light")
PHONE = 390
SETTLE_S = 1.5  # pictures come, the cursor rests, the outline is drawn


def main(url: str, folder: Path, night: str) -> None:
    """Write ``<page>-<theme>-<width>.webp`` for each."""
    pages = {
        "tonight": "/",
        "night": f"/night/{night}",
        "season": "/season",
        "events": "/events",
        "label": "/label",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, opened(Path(profile)) as driver:
        driver.get(f"{url}/-/ready")
        driver.add_cookie({"name": "aurorad_who", "value": "Ada"})
        # Page by page: tonight goes by meanwhile.
        for (name, path), theme, width in itertools.product(pages.items(), THEMES, (WIDE, PHONE)):
            driver.add_cookie({"name": "aurorad_theme", "value": theme})
            size(driver, width)
            driver.get(url + path)
            time.sleep(SETTLE_S)
            size(driver, width, driver.execute_script("return document.documentElement.scrollHeight"))
            time.sleep(0.3)
            shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 82})
            (folder / f"{name}-{theme}-{width}.webp").write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]), sys.argv[3])
