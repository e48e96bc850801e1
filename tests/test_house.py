"""The plan of the house, held by the code itself: who may import whom, and who owns what."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the cellar up. A module imports only from floors below its own. A folder of ``daemon`` is one
# name here: its files import each other freely, and siblings on one floor do not import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("daemon.text", "daemon.files", "daemon.patience", "daemon.sign"),
    (
        "daemon",
        "daemon.errors",
        "daemon.observation",
        "daemon.night",
        "daemon.clock",
        "daemon.systemd",
        "daemon.memory",
    ),
    ("daemon.live_status",),
    (
        "daemon.address",
        "daemon.subscribers",
        "daemon.gate",
        "daemon.event",
        "daemon.verdict",
        "daemon.metrics",
        "daemon.uptime",
    ),
    ("daemon.config",),
    ("daemon.sky", "daemon.source", "daemon.predictor", "daemon.schedule", "daemon.weather"),
    ("daemon.footage", "daemon.spaceweather", "daemon.words", "daemon.description"),
    ("daemon.record", "daemon.sighting"),
    ("daemon.alert", "daemon.web", "daemon.star_watch", "daemon.describer"),
    ("daemon.pipeline", "daemon.housekeeping", "daemon.keepsakes"),
    ("daemon.live", "daemon.archive", "daemon.preflight", "daemon.one_look"),
    ("daemon.health",),
    ("daemon.service",),
    ("daemon.commands", "daemon.foreground"),
    ("daemon.cli",),
)

OWNERS = {
    "torch": {"models.network", "models.torch_engine", "training"},
    "torchvision": {"models.network", "training"},
    "onnxruntime": {"models.runtime", "training"},
    "pytesseract": {"daemon.footage.tesseract"},
    "tesserocr": {"daemon.footage.tesseract"},
    "skyfield": {"daemon.sky.ephemeris"},
    "skyfield_data": {"daemon.sky.ephemeris"},
    "sqlite_utils": {"daemon.record"},
    "httpx": {"daemon.source", "daemon.alert.webpush"},
    "cryptography": {"daemon.alert.webpush"},
    "apprise": {"daemon.alert.channel"},
    "paho": {"daemon.alert.mqtt"},
    "prometheus_client": {"daemon.metrics", "daemon.web"},
    "matplotlib": {"daemon.commands.report.figures", "training"},
    "av": {"daemon.footage.video", "daemon.footage.shown", "daemon.footage.timelapse"},
    "apscheduler": {"daemon.schedule"},
    "click": {"daemon.cli", "training"},
    "rich": {"daemon.cli", "daemon.commands.demo", "training"},
    "starlette": {"daemon.web"},
    "uvicorn": {"daemon.web"},
    "jinja2": {"daemon.web"},
    "pydantic": {"daemon.config", "daemon.alert.channel", "daemon.web", "training"},
    "pydantic_settings": {"daemon.config"},
    "cv2": {
        "daemon.footage",
        "daemon.description",
        "daemon.sky",
        "models.preprocess",
        "models.colour",
        "training",
    },
    "ray": {"daemon.archive.cluster"},
    "scipy": {"training"},
    "sklearn": {"training"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("daemon", "models", "training"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, path


def imported(name: str, path: Path) -> set[str]:
    """Every module a file imports, wherever in it the import stands, typing-only ones included."""
    known = {module for module, _ in modules()}
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else node.module)
    return found - {name}


def room(module: str) -> str:
    """The folder of ``daemon`` a module lies in, or the module itself where it lies in none."""
    return ".".join(module.split(".")[:2])


def floor(module: str) -> int:
    for number, names in enumerate(FLOORS):
        if room(module) in names:
            return number
    pytest.fail(f"{module} has no floor in the plan of the house")


@pytest.mark.parametrize(
    ("name", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_imports_go_one_way(name: str, path: Path) -> None:
    """training → models and daemon's lower floors; daemon → models; models → nothing of ours."""
    for target in imported(name, path):
        top = target.split(".")[0]
        if top == "models":
            continue
        if name.startswith("models"):
            assert top not in ("daemon", "training"), f"{name} imports {target}"
        elif name.startswith("daemon"):
            assert top != "training", f"{name} imports {target}"
            if top == "daemon" and room(target) != room(name):
                assert floor(target) < floor(name), f"{name} imports {target}, which is no lower floor"
        elif top == "daemon":
            pipeline = floor("daemon.pipeline")
            assert floor(target) <= pipeline, f"{name} imports {target}: too high a floor"


@pytest.mark.parametrize(
    ("name", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_heavy_library_has_one_owner(name: str, path: Path) -> None:
    """A library with weight is imported in the room that owns it and nowhere else."""
    for target in imported(name, path):
        owners = OWNERS.get(target.split(".")[0])
        if owners is not None:
            mine = {room(name), name, name.split(".")[0]}
            assert mine & owners, f"{name} imports {target}, which belongs to {', '.join(sorted(owners))}"


def test_watching_needs_no_torch() -> None:
    """Nothing the daemon imports at its top asks for torch: it installs and runs without."""
    import subprocess

    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'torchvision'):\n"
        "            raise ImportError('no torch here')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import daemon.cli, daemon.service, daemon.pipeline, daemon.commands.demo\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
