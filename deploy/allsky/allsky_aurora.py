"""Allsky module: what aurorad says of each picture, for the overlay. See docs/cameras.md of aurorad.

Copy this file to ``~/allsky/config/myFiles/modules`` (or upload it in the Module Manager) and add "Aurora" to the
night-time flow, before the overlay. It gives the variables

    ${AS_AURORA} aurora, clear, obscured, unusable or not looked      ${AS_AURORA_LEVEL} 0 to 6, of aurora only
    ${AS_AURORA_DIRECTION} north-west, 35° up                          ${AS_AURORA_WORDS} all of it in a line

Where aurorad does not answer they are taken away: an old word on a new picture would be wrong.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

import allsky_shared as s
import cv2

FILE = "allsky_aurora.json"
EXPIRES_S = 300
COLOURS = {"aurora": "#40e070", "clear": "#a0c0ff", "obscured": "#909090"}

metaData = {
    "name": "Aurora",
    "description": "What aurorad says of the picture: aurora, how bright, where",
    "module": "allsky_aurora",
    "version": "v1.0.0",
    "events": ["night"],
    "experimental": "false",
    "arguments": {"url": "http://127.0.0.1:8080", "token": "", "camera": "", "timeout": "10"},
    "argumentdetails": {
        "url": {
            "required": "true",
            "description": "Address of aurorad",
            "help": "Address of its page, without /api",
        },
        "token": {
            "required": "false",
            "description": "Token",
            "help": "[daemon] token of aurorad, where one is set",
        },
        "camera": {
            "required": "false",
            "description": "Camera",
            "help": "Name of the [[camera]] table; empty: the first",
        },
        "timeout": {
            "required": "true",
            "description": "Seconds",
            "help": "How long to wait for an answer; Allsky switches off modules that take more than 30",
            "type": {"fieldtype": "spinner", "min": 1, "max": 20, "step": 1},
        },
    },
    "enabled": "false",
}


def aurora(params, event):
    """Called by Allsky for each picture, which is ``s.image`` (BGR)."""
    try:
        told = ask(params, s.image)
    except (OSError, ValueError, KeyError, cv2.error) as error:
        s.deleteExtraData(FILE)
        reason = why(error)
        s.log(0, f"WARNING: aurorad: {reason}")
        return f"aurorad: {reason}"
    s.saveExtraData(FILE, extra(told))
    s.log(4, f"INFO: aurorad: {told['words']}")
    return told["words"]


def ask(params, picture):
    """aurorad's answer about a picture; OSError or ValueError where there is none."""
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise ValueError("the picture cannot be encoded")
    query = f"?camera={urllib.parse.quote(params['camera'])}" if params.get("camera") else ""
    headers = {"Content-Type": "image/jpeg"}
    if params.get("token"):
        headers["Authorization"] = f"Bearer {params['token']}"
    address = f"{params['url'].rstrip('/')}/api/classify{query}"
    request = urllib.request.Request(address, jpeg.tobytes(), headers)
    with urllib.request.urlopen(request, timeout=float(params.get("timeout") or 10)) as reply:
        return json.load(reply)


def extra(told):
    """The overlay's variables. Level and direction are those of an aurora, and empty without one."""
    lit = told["verdict"] == "aurora"
    values = {
        "AS_AURORA": told["verdict"],
        "AS_AURORA_LEVEL": str(told["level"]) if lit and told["level"] is not None else "",
        "AS_AURORA_DIRECTION": told["direction"],
        "AS_AURORA_WORDS": told["words"],
    }
    for name, value in values.items():
        os.environ[name] = value
    fill = COLOURS.get(told["verdict"], "#c0c0c0")
    return {name: {"value": value, "fill": fill, "expires": EXPIRES_S} for name, value in values.items()}


def why(error):
    """One line; of a refusal, aurorad's own."""
    if isinstance(error, urllib.error.HTTPError):
        try:
            return json.load(error)["error"]
        except (OSError, ValueError, KeyError):
            return f"answers {error.code}"
    return str(getattr(error, "reason", error))
