"""What deploy/ promises and can be checked without installing anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config import load
from daemon.metrics import METRICS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "aurorad.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "aurorad.json"

OTHERS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate"}}
"""Prometheus' own. Those of prometheus-client's process collector begin with process_."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def recorded() -> set[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def queries() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of every alert and of everything the dashboard asks."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for note in board["annotations"]["list"]:
        yield note["name"], note["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def asked_for(query: str) -> Iterator[tuple[str, set[str]]]:
    """(metric, labels it is selected by) of each metric in a query."""
    bare = re.sub(r'"[^"]*"', '""', query)
    for name, selector in re.findall(
        r"\b((?:aurorad|process)[_:][a-z0-9_:]+|up|ALERTS)\b(?:\{([^}]*)\})?", bare
    ):
        yield name, set(re.findall(r"(\w+)\s*[=!]", selector))


def published() -> dict[str, set[str]]:
    """Every series the daemon publishes, with its labels and those Prometheus adds."""
    names = dict(OTHERS)
    for metric in METRICS:
        labels = {*metric.labels, "instance", "job"}
        parts = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        names |= {metric.full_name + part: labels | {"le"} for part in parts}
    names |= {name: {"camera", "instance"} for name in recorded()}
    return names


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_queries_ask_for_metrics_that_exist(where: str, query: str) -> None:
    """Every query of the rules and of the dashboard names metrics and labels the daemon publishes."""
    known = published()
    found = list(asked_for(query))
    assert found, f"{where}: asks for nothing"
    for name, labels in found:
        if name.startswith("process_"):
            assert name in process_metrics()
            continue
        assert name in known, f"{where}: there is no {name}"
        assert labels <= known[name], f"{where}: {name} has no label {labels - known[name]}"


def process_metrics() -> set[str]:
    """What prometheus-client's process collector gives on this machine."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return {sample.name for family in registry.collect() for sample in family.samples}


def test_every_metric_is_looked_at() -> None:
    """No metric is published that neither the dashboard nor a rule asks for."""
    asked = {name for _, query in queries() for name, _ in asked_for(query)}
    unseen = [
        metric.full_name
        for metric in METRICS
        if metric.full_name not in asked and f"{metric.full_name}_bucket" not in asked
    ]
    assert unseen == []


def test_queries_are_promql(tmp_path: Path) -> None:
    """Prometheus' own parser takes every query of the dashboard."""
    needs("promtool")
    rules = [
        {"record": f"q{n}", "expr": query.replace("$camera", ".*")}
        for n, (_, query) in enumerate(queries())
        if not query.startswith("label_values(")  # Grafana's own
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"{len(rules)} rules found" in done.stdout


def test_alert_rules_fire_when_they_should_and_only_then() -> None:
    """promtool runs the rules over made series: fires, says this, is silent before and after."""
    needs("promtool")
    done = subprocess.run(
        ["promtool", "test", "rules", *sorted(RULES.parent.glob("*.test.yml"))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_is_tested_and_documented(alert: dict[str, Any]) -> None:
    """An alert has a unit test, a severity, a mend in its words, and a line in docs/deployment.md."""
    tests = "".join(path.read_text() for path in RULES.parent.glob("*.test.yml"))
    assert f"alertname: {alert['alert']}" in tests or f'alertname="{alert["alert"]}"' in tests
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert {"summary", "description"} <= alert["annotations"].keys()
    assert f"`{alert['alert']}`" in (ROOT / "docs" / "deployment.md").read_text()


def test_prometheus_takes_its_configuration() -> None:
    """prometheus.yml is whole and finds the rules beside it."""
    needs("promtool")
    done = subprocess.run(
        ["promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout


def test_alertmanager_routes_to_receivers_it_has() -> None:
    """The route's receiver exists, and what is inhibited are alerts there are."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "alertmanager.yml").read_text())
    assert config["route"]["receiver"] in {receiver["name"] for receiver in config["receivers"]}
    names = {alert["alert"] for alert in alerts()}
    for rule in config["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            label, operator, value = matcher.split()
            assert label == "alertname"
            if operator == "=":
                assert value in names
    if shutil.which("amtool"):
        done = subprocess.run(
            ["amtool", "check-config", DEPLOY / "prometheus" / "alertmanager.yml"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- systemd


def test_unit_is_hardened() -> None:
    """systemd's own exposure score of the CPU unit is at most 1.1."""
    needs("systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", DEPLOY / "aurorad.service"],
        capture_output=True,
        text=True,
    )
    found = re.search(r"Overall exposure level for aurorad.service: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze cannot judge a file: {done.stderr.strip()[:100]}")
    assert float(found[1]) <= 1.1


def test_unit_has_no_unknown_words(tmp_path: Path) -> None:
    """systemd knows every key and value of the unit and of the GPU's drop-in."""
    needs("systemd-analyze")
    unit = tmp_path / "aurorad.service"
    unit.write_text(
        re.sub(r"/opt/aurorad/current/bin/aurorad.*", "/bin/true", (DEPLOY / "aurorad.service").read_text())
    )
    drop_in = tmp_path / "aurorad.service.d" / "gpu.conf"
    drop_in.parent.mkdir()
    shutil.copy(DEPLOY / "aurorad-gpu.conf", drop_in)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "aurorad.service" in line]
    # Newer than the oldest systemd we install on: it says so and goes on.
    assert [line for line in said if "RestartSteps" not in line and "RestartMaxDelaySec" not in line] == []


def test_the_documented_drop_in_lets_a_home_folder_in(tmp_path: Path) -> None:
    """Homes are hidden by an empty file system, into which a folder can be bound; systemd takes the lines."""
    unit_text = (DEPLOY / "aurorad.service").read_text()
    assert "\nProtectHome=tmpfs\n" in unit_text
    drop_in = re.search(
        r"```ini\n(\[Service\]\nBindReadOnlyPaths=/home/.*?)```", text("docs/deployment.md"), re.S
    )
    assert drop_in
    needs("systemd-analyze")
    unit = tmp_path / "aurorad.service"
    unit.write_text(re.sub(r"/opt/aurorad/current/bin/aurorad.*", "/bin/true", unit_text))
    (tmp_path / "aurorad.service.d").mkdir()
    (tmp_path / "aurorad.service.d/folder.conf").write_text(drop_in[1])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "BindReadOnlyPaths" not in done.stderr


def test_the_configuration_is_readable_by_the_unit_and_not_by_others() -> None:
    """What install.sh writes is for root and one group, which the unit's passing user has."""
    group = re.search(r"^SupplementaryGroups=(\S+)$", text("deploy/aurorad.service"), re.M)
    assert group
    script = text("deploy/install.sh")
    assert f"groupadd --system {group[1]}" in script
    assert f'install -m 640 -g {group[1]} "$here/deploy/aurorad.local.toml" "$config"' in script
    assert f"chgrp {group[1]} /etc/aurorad/aurorad.toml" in text("docs/deployment.md")


def test_the_folder_of_the_documented_backups_is_there_from_the_first_installation_on() -> None:
    """`aurorad backup` makes no folder: the manual's cron job would fail each night until the first upgrade."""
    made, upgrade = "\ninstall -d -m 700 /var/backups/aurorad", 'if [ -e "$database" ]'
    script, manual = text("deploy/install.sh"), text("docs/deployment.md")
    assert script.index(made) < script.index(upgrade)
    folders = re.findall(r"aurorad backup --db /var/lib/aurorad/aurorad.db (/var/backups\S*)/", manual)
    assert set(folders) == {"/var/backups/aurorad"}


def test_an_installation_keeps_no_default_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration that install.sh writes sets nothing; what it shows as an example is valid."""
    local = DEPLOY / "aurorad.local.toml"
    assert tomllib.loads(local.read_text()) == {}
    example = "\n".join(re.findall(r"^# (\[.*|\w+ = .*)$", local.read_text(), re.M))
    assert "credential:phone" in example
    (tmp_path / "phone").write_text("json://127.0.0.1/")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "a.toml").write_text(example)
    assert load(tmp_path / "a.toml").notify[0].name == "phone"


# ---------------------------------------------------------------- Docker


def test_compose_mounts_what_exists() -> None:
    """Every file and folder compose.yaml takes from here is here, and every image has a version."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert re.search(r":(cpu|v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?)$", service["image"]), name
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:"), f"{name} is open to the network"
        for volume in service["volumes"]:
            source = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[0]
            if source.startswith("."):
                assert source == "./secrets" or (DEPLOY / source).exists(), f"{name}: {source}"
            else:
                assert source in compose["volumes"]


def test_compose_s_services_find_each_other() -> None:
    """Every name and port that Prometheus and Grafana ask for is a service's; Grafana's folders are mounted."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    places = {
        f"{name}:{port.rpartition(':')[2]}" for name, service in services.items() for port in service["ports"]
    }
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    groups = [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
    asked = {place for job in groups for group in job["static_configs"] for place in group["targets"]}
    provisioning = DEPLOY / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    asked |= {source["url"].removeprefix("http://") for source in sources}
    assert {place for place in asked if not place.startswith("localhost:")} == places - {"grafana:3000"}

    mounted = {v.split(":")[1]: DEPLOY / v.split(":")[0] for v in services["grafana"]["volumes"]}
    assert mounted["/etc/grafana/provisioning"] == provisioning
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "aurorad.yaml").read_text())["providers"]
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert mounted[str(home.parent)] / home.name == DASHBOARD
    gpu = yaml.safe_load((DEPLOY / "compose.gpu.yaml").read_text())["services"]
    assert gpu.keys() <= services.keys()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    for service in (services["aurorad"], gpu["aurorad"]):
        assert service["build"]["target"] in stages


def test_secrets_stay_out_of_the_repository() -> None:
    """The folder compose reads secrets from is no part of a commit, nor of an image."""
    done = subprocess.run(["git", "check-ignore", "-q", "deploy/secrets/phone"], cwd=ROOT)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.returncode == 0


def test_image_takes_in_only_what_it_is_made_of() -> None:
    """All that the Dockerfile copies is let through by .dockerignore, and nothing else of the top level."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignore[1] == "*"
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    copied: set[str] = set()
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY") and "--from" not in line:
            copied |= set([word for word in line.split()[1:] if not word.startswith("--")][:-1])
    assert copied == let_through
    assert all((ROOT / path).exists() for path in copied)


def test_install_script_is_posix_sh() -> None:
    """sh reads install.sh to its end; wrong words are refused with exit 2 before anything is done."""
    done = subprocess.run(["sh", DEPLOY / "install.sh", "--nonsense"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: install.sh [--gpu] [--no-start]\n")


# ---------------------------------------------------------------- dependencies


def pinned(lock: str) -> dict[str, str]:
    """Requirement with its marker → its hashes, as text."""
    joined = text(lock).replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return {" ".join(line.split(" --hash=")[0].split()): line for line in lines}


@pytest.mark.parametrize("lock", ["deploy/watch.lock", "deploy/watch-gpu.lock"])
def test_what_watches_is_installed_by_hash(lock: str) -> None:
    """Every line has hashes and no address, and is the version of requirements.lock; make lock writes it."""
    named = pinned(lock)
    versions = {line.partition(" ;")[0] for line in pinned("requirements.lock")}
    assert len(named) > 40
    for requirement, line in named.items():
        assert requirement.partition(" ;")[0] in versions, requirement
        assert re.search(r" --hash=sha256:[0-9a-f]{64}", line), requirement
    assert "://" not in text(lock)
    assert f"-o {lock}" in text("Makefile")
    assert lock in text("deploy/Dockerfile")
    assert lock.removeprefix("deploy/") in text("deploy/install.sh")


@pytest.mark.parametrize(("lock", "extra"), [("deploy/watch.lock", ""), ("deploy/watch-gpu.lock", "gpu")])
def test_nothing_that_watching_needs_is_missing_from_the_lock(lock: str, extra: str) -> None:
    """aurorad itself is installed without dependencies, so the lock must name them all."""
    project = tomllib.loads(text("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"].get(extra, ())]
    named = {re.split(r"[=\[ ]", requirement)[0] for requirement in pinned(lock)}
    for requirement in wanted:
        name = re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")
        assert name in named, requirement
