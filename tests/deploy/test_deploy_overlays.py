"""The Allsky module and the indi-allsky hooks against the real API: our word on their picture, and never an old one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.footage import image
from daemon.observation import Description, Observation
from tests import web_night
from tests.daemon.record.made import observation
from tests.skies import night_sky
from tests.web_night import House

DEPLOY = Path(__file__).parents[2] / "deploy"
TOKEN = "correct horse battery staple"
PIXELS = night_sky(np.random.default_rng(1), 150, side=240)


def judge(data: bytes, camera: str, at: datetime) -> Observation:
    """Aurora on every picture that is one."""
    image.decode(data)
    return observation(camera=camera, observed_at=at, description=Description(level=2, cover=0.1))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("overlay")
    with web_night.house(folder, minutes=3, token=TOKEN, classify=judge) as made:
        yield made


class Shared(types.ModuleType):
    """What Allsky gives its modules, as far as ours asks for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("allsky_shared")
        self.image = PIXELS
        self.folder = folder
        self.lines: list[str] = []

    def log(self, level: int, text: str) -> None:
        self.lines.append(text)

    def saveExtraData(self, name: str, data: Any) -> None:
        (self.folder / name).write_text(json.dumps(data))

    def deleteExtraData(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


@pytest.fixture
def allsky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "allsky_shared", Shared(tmp_path))
    for name in ("AS_AURORA", "AS_AURORA_LEVEL", "AS_AURORA_DIRECTION", "AS_AURORA_WORDS"):
        monkeypatch.setenv(name, "")
    spec = importlib.util.spec_from_file_location("allsky_aurora", DEPLOY / "allsky/allsky_aurora.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_allsky_module_writes_the_overlay_s_variables(allsky: Any, house: House) -> None:
    """Verdict, level and direction, each with a colour and a time after which it is not shown."""
    said = allsky.aurora(
        {"url": f"{house.url}/", "token": TOKEN, "camera": "", "timeout": "5"}, "postcapture"
    )
    assert said == "aurora, visible, north-west, 35° up"
    written = json.loads((allsky.s.folder / "allsky_aurora.json").read_text())
    assert {name: part["value"] for name, part in written.items()} == {
        "AS_AURORA": "aurora",
        "AS_AURORA_LEVEL": "2",
        "AS_AURORA_DIRECTION": "north-west, 35° up",
        "AS_AURORA_WORDS": said,
    }
    assert all(part["expires"] == allsky.EXPIRES_S for part in written.values())
    assert os.environ["AS_AURORA"] == "aurora"


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"url": "http://127.0.0.1:9"}, "refused"),
        ({"token": "wrong"}, "sign in first"),
        ({"camera": "nobody"}, "no camera of that name"),
    ],
)
def test_without_an_answer_the_old_one_is_taken_away(
    allsky: Any, house: House, params: dict[str, str], why: str
) -> None:
    """aurorad down, a wrong token, a wrong name: one line in Allsky's log, no word on the picture, no traceback."""
    right = {"url": house.url, "token": TOKEN, "camera": "", "timeout": "5"}
    allsky.s.saveExtraData("allsky_aurora.json", {})
    assert why in allsky.aurora(right | params, "postcapture").lower()
    assert not (allsky.s.folder / "allsky_aurora.json").exists()
    assert len(allsky.s.lines) == 1


def test_the_module_names_itself_as_allsky_looks_for_it(allsky: Any) -> None:
    """The function is the module's name without ``allsky_``; every argument is explained."""
    name = allsky.metaData["module"]
    assert callable(getattr(allsky, name.removeprefix("allsky_")))
    assert set(allsky.metaData["arguments"]) == set(allsky.metaData["argumentdetails"])


def hook(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the hook as indi-allsky does."""
    script = folder / "aurorad_hook.py"
    script.write_text((DEPLOY / "indi-allsky/aurorad_hook.py").read_text())
    return subprocess.run(
        [sys.executable, "-S", script, *arguments],
        env={"XDG_RUNTIME_DIR": str(folder), "PATH": os.environ["PATH"]} | environment,
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


def test_the_indi_allsky_hooks_label_the_next_picture(house: House, tmp_path: Path) -> None:
    """After one picture is saved the answer is kept; before the next it is on the labels, with its time."""
    settings = {"url": house.url, "token": TOKEN, "camera": "yellowknife"}
    (tmp_path / "aurorad_hook.json").write_text(json.dumps(settings))
    picture = tmp_path / "ccd1_20240210_224100.jpg"
    picture.write_bytes(image.encode_jpeg(PIXELS))
    saved = hook(tmp_path, str(picture))
    assert saved.returncode == 0, saved.stderr
    data = tmp_path / "data.json"
    assert hook(tmp_path, DATA_JSON=str(data)).returncode == 0
    told = json.loads(data.read_text())
    assert told["custom_1"].startswith("aurora ")
    assert (told["custom_2"], told["custom_3"]) == ("visible", "north-west, 35° up")


def test_an_old_answer_is_not_shown_and_a_dead_aurorad_takes_it_away(tmp_path: Path) -> None:
    """Ten minutes old: no label. No answer to the newest picture: none either, and the hook says why."""
    answer = tmp_path / "aurorad_hook_answer.json"
    told = {"verdict": "aurora", "brightness": "", "direction": "", "asked_s": 1_000_000.0}
    answer.write_text(json.dumps(told))
    data = tmp_path / "data.json"
    hook(tmp_path, DATA_JSON=str(data))
    assert json.loads(data.read_text()) == {}
    (tmp_path / "aurorad_hook.json").write_text('{"url": "http://127.0.0.1:9"}')
    picture = tmp_path / "a.jpg"
    picture.write_bytes(image.encode_jpeg(PIXELS))
    failed = hook(tmp_path, str(picture))
    assert (failed.returncode, failed.stderr.startswith("aurorad: ")) == (1, True)
    assert not answer.exists()
