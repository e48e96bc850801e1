"""A real Prometheus over the real daemon: what the dashboard asks is answered, and a dead feed alerts.

make soak ARGS=tests/deploy/test_deploy_monitoring.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from machine import ROOT, free_port, model, now, until
from site_now import camera_table

HERE = Path(__file__).parent
BOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "aurorad.json").read_text())
SILENT_WHEN_WELL = {
    "Pictures refused",
    "Pictures that brought nothing new",
    "Burnt-in clock",
    "Shadow disagrees",
    "Errors nobody foresaw",
    "Waiting",
    "Deliveries",
    "Mean probability of a day",
}
"""Panels with nothing to show in a short, good night without channels."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]


class Prometheus:
    """The API of a running Prometheus."""

    def __init__(self, address: str, site: str) -> None:
        self.address, self.site = address, site

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The result of a query now. Raises where Prometheus refuses it."""
        text = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.address}/api/v1/query?{text}", timeout=10) as answer:
            found = json.loads(answer.read())
        assert found["status"] == "success"
        return list(found["data"]["result"])

    def fault(self, name: str) -> None:
        """Make the stand-in site misbehave."""
        urllib.request.urlopen(f"{self.site}/control?fault={name}", timeout=5).read()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Site, daemon, and Prometheus with our configuration, scraping every second."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not here")
    if not model().exists():
        pytest.skip("no model: models/weights/ is empty, and AURORAD_TEST_MODEL names no other")
    folder = tmp_path_factory.mktemp("monitoring")
    site, page, port = free_port(), free_port(), free_port()
    settings = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(ROOT / "deploy" / "prometheus" / "aurorad.rules.yml")]
    settings["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{page}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    (folder / "aurorad.toml").write_text(
        f'[daemon]\nstate_dir = "{folder}/state"\nport = {page}\n[model]\npath = "{model()}"\n'
        + camera_table(now(), site, stale_after_s=15)
    )
    commands = (
        [sys.executable, HERE / "site_now.py", str(site)],
        [sys.executable, "-m", "daemon.cli", "run", "--config", folder / "aurorad.toml"],
        ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}"],
    )  # fmt: skip
    with ExitStack() as stack:
        for command in commands:
            log = stack.enter_context((folder / f"{Path(command[-1]).name}.log").open("wb"))
            process = stack.enter_context(
                subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ})
            )
            stack.callback(process.terminate)
        asked = Prometheus(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{site}")
        until(lambda: _judged(asked) or None, 90, "five frames judged", 1)
        yield asked


def _judged(prometheus: Prometheus) -> bool:
    try:
        found = prometheus.ask("sum(aurorad_inference_seconds_count) >= 5")
    except OSError:
        return False
    return bool(found)


@pytest.mark.parametrize(
    ("panel", "query"),
    [(panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel.get("targets", ())],
)
def test_every_panel_is_answered(prometheus: Prometheus, panel: str, query: str) -> None:
    """Prometheus evaluates the query over what the daemon publishes, and has something to show."""
    found = prometheus.ask(query.replace("$camera", ".*"))
    if panel not in SILENT_WHEN_WELL:
        assert found, f"{panel}: nothing to show"


def test_a_dead_feed_raises_its_alert(prometheus: Prometheus) -> None:
    """A feed that has stopped in the dark makes AuroradFeedStale pending; a live one ends it."""
    prometheus.fault("freeze")
    stale = 'ALERTS{alertname="AuroradFeedStale", camera="midnight"}'
    until(lambda: prometheus.ask(stale) or None, 90, "the alert is pending", 1)
    prometheus.fault("none")
    until(lambda: None if prometheus.ask(stale) else True, 60, "the alert is over", 1)
