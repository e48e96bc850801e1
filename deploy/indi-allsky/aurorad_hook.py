#!/usr/bin/env python3
"""indi-allsky hooks: what aurorad says of the pictures, on the pictures. See docs/cameras.md of aurorad.

One script for both hooks. After a picture is saved it is sent to aurorad, and the answer kept; before the next
one is saved, the answer is handed to its labels:

    {custom_1} aurora 22:41      {custom_2} faint      {custom_3} north-west, 35° up

So the label is about the picture before, and says its time. An answer older than ten minutes is not shown.
The address, and a token where one is set, stand in ``aurorad_hook.json`` beside this script:
``{"url": "http://127.0.0.1:8080", "token": "", "camera": ""}``.
"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANSWER = Path(os.environ.get("XDG_RUNTIME_DIR", "/var/tmp")) / "aurorad_hook_answer.json"
WAIT_S = 4.0  # indi-allsky ends a hook after five
SHOWN_FOR_S = 600


def after_save(picture):
    """Ask aurorad about a saved picture; keep what it says, or nothing where it says nothing."""
    given = {"url": "http://127.0.0.1:8080", "token": "", "camera": ""}
    settings = HERE / "aurorad_hook.json"
    if settings.is_file():
        given |= json.loads(settings.read_text(encoding="utf-8"))
    kinds = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
    headers = {"Content-Type": kinds.get(picture.suffix.lower(), "application/octet-stream")}
    if given["token"]:
        headers["Authorization"] = f"Bearer {given['token']}"
    query = f"?camera={urllib.parse.quote(given['camera'])}" if given["camera"] else ""
    address = f"{given['url'].rstrip('/')}/api/classify{query}"
    try:
        request = urllib.request.Request(address, picture.read_bytes(), headers)
        with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
            told = json.load(reply)
    except (OSError, ValueError) as error:
        ANSWER.unlink(missing_ok=True)
        sys.exit(f"aurorad: {error}")
    new = ANSWER.with_suffix(".new")
    new.write_text(json.dumps(told | {"asked_s": time.time()}), encoding="utf-8")
    new.replace(ANSWER)


def labels(now_s):
    """The labels' texts; empty where there is no answer, or an old one."""
    try:
        told = json.loads(ANSWER.read_text(encoding="utf-8"))
        if not 0 <= now_s - told["asked_s"] <= SHOWN_FOR_S:
            return {}
    except (OSError, ValueError, KeyError):
        return {}
    at = time.strftime("%H:%M", time.localtime(told["asked_s"]))
    return {
        "custom_1": f"{told['verdict']} {at}",
        "custom_2": told["brightness"],
        "custom_3": told["direction"],
    }


def main():
    """Which of the two hooks this is, is seen by what indi-allsky gives."""
    if "DATA_JSON" in os.environ:
        Path(os.environ["DATA_JSON"]).write_text(json.dumps(labels(time.time())), encoding="utf-8")
    elif len(sys.argv) == 2:
        after_save(Path(sys.argv[1]))
    else:
        sys.exit("a hook of indi-allsky: set it as the image pre-save and post-save script")


if __name__ == "__main__":
    main()
