"""The image, built by buildah and run by podman with runc: no Docker engine is needed.

    make soak ARGS=tests/deploy/test_deploy_container.py

The base is a Debian made here by debootstrap; pip's packages are brought by the pip that runs the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from machine import ROOT, debian, free_port, missing, model, now, run, until, wheels
from site_now import camera_table

HERE = Path(__file__).parent
IMAGE = "localhost/aurorad-test:cpu"
NAME = "aurorad-test"
STALE_S = 30.0
CADENCE_S = 6.0

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2400)]

ULIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096")
"""As compose.yaml sets them; the engine's own are higher than some machines let a container have."""


def podman(*words: str | Path, timeout_s: float = 300) -> str:
    return run("podman", "--runtime", "runc", *words, timeout_s=timeout_s).strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The CPU image on a Debian of our own; its name."""
    if (why := missing("debootstrap", "buildah", "podman", "runc")) is not None:
        pytest.skip(why)
    base = "localhost/aurorad-test-base:latest"
    if subprocess.run(["podman", "image", "exists", base]).returncode:
        tree = tmp_path_factory.mktemp("base") / "base.tar"
        run("tar", "-C", debian("base", ""), "-cf", tree, ".")
        podman("import", "-q", tree, base)
    settings = tmp_path_factory.mktemp("pip") / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    run(
        *("buildah", "bud", "-q", "--isolation=chroot", "--format=docker", "--layers", "--target=cpu"),
        *(
            "-f",
            ROOT / "deploy" / "Dockerfile",
            f"--build-arg=BASE={base}",
            f"--secret=id=pip,src={settings}",
        ),
        *(f"--volume={wheels()}:/wheels:ro", "-t", IMAGE, ROOT),
        timeout_s=1800,
    )
    return IMAGE


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The stand-in site, showing a night that is going on now; its address."""
    port = free_port()
    command = [sys.executable, HERE / "site_now.py", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"serving\n"
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(scope="module")
def container(image: str, site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The image running as docs/deployment.md says; its port."""
    port, folder = free_port(), tmp_path_factory.mktemp("container")
    config = folder / "aurorad.toml"
    config.write_text(
        f'[model]\npath = "/model/{model().name}"\n'
        + camera_table(now(), int(site.rpartition(":")[2]), CADENCE_S, STALE_S)
    )
    config.chmod(0o644)
    subprocess.run(["podman", "rm", "-f", NAME], capture_output=True)
    podman(
        *("run", "-d", "--name", NAME, "--read-only", "--tmpfs", "/tmp", "--cap-drop=ALL"),
        *("--security-opt=no-new-privileges", *ULIMITS),
        *("--network=host", "-e", f"AURORAD_DAEMON__PORT={port}", "-e", "AURORAD_DAEMON__HOST=127.0.0.1"),
        *("-e", "AURORAD_DAEMON__TOKEN="),
        *("-v", f"{config}:/etc/aurorad/aurorad.toml:ro", "-v", f"{model().parent}:/model:ro", image),
    )
    until(lambda: rows(port) >= 3 or None, 120, "three frames in the record", 1)
    yield port
    print("\n" + podman("logs", NAME)[-2000:])
    podman("rm", "-f", "-v", NAME)


def rows(port: int) -> int:
    """How many of the newest observations the page shows with a probability."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    seen = [line for line in text.splitlines() if line.startswith("aurorad_inference_seconds_count")]
    return int(sum(float(line.split()[-1]) for line in seen))


def health() -> tuple[str, str]:
    """The image's own health check, run by the engine once; the container's state of health, and its word.

    podman leaves the timer to systemd, which need not be here: each call is one tick of it.
    """
    subprocess.run(
        ["podman", "--runtime", "runc", "healthcheck", "run", NAME], capture_output=True, timeout=30
    )
    state = json.loads(podman("inspect", NAME))[0]["State"]
    found = state.get("Health") or state["Healthcheck"]
    return found["Status"], found["Log"][-1]["Output"].strip()


def fault(site: str, name: str) -> None:
    urllib.request.urlopen(f"{site}/control?fault={name}", timeout=5).read()


def test_runs_as_nobody_on_a_read_only_root(container: int) -> None:
    """User 10001 without capabilities, who can write to the state and to /tmp and nowhere else."""
    assert podman("exec", NAME, "id", "-u") == "10001"
    status = podman("exec", NAME, "cat", "/proc/1/status")
    assert "\nCapBnd:\t0000000000000000" in status
    assert "\nNoNewPrivs:\t1" in status
    for path in ("/opt/aurorad/x", "/etc/aurorad/x", "/x", "/usr/local/bin/x"):
        with pytest.raises(AssertionError, match=r"Read-only|denied"):
            podman("exec", NAME, "touch", path)
    podman("exec", NAME, "touch", "/tmp/x", "/var/lib/aurorad/x")


def test_carries_all_it_needs_and_no_builder(container: int) -> None:
    """tesseract and the command are in it; pip, its cache and the CUDA half of ONNX Runtime are not."""
    assert "tesseract 5" in podman("exec", NAME, "tesseract", "--version")
    assert podman("exec", NAME, "aurorad", "--version").startswith("aurorad")
    leavings = "find / -xdev -name 'pip-*' -o -name '*providers_cuda*' -o -name pip.conf -o -path /src"
    assert podman("exec", NAME, "sh", "-c", f"{leavings} 2>/dev/null || true") == ""


def test_health_follows_the_feed(container: int, site: str) -> None:
    """Healthy; unhealthy once the feed has stood still past its limit, and why; healthy again after."""
    until(lambda: health()[0] == "healthy" or None, 120, "healthy", 1)
    fault(site, "freeze")
    began = time.monotonic()
    word = until(lambda: ((said := health())[0] == "unhealthy" and said[1]) or None, 180, "unhealthy", 1)
    unhealthy_s = time.monotonic() - began
    assert word == "feed has stopped: midnight"
    fault(site, "none")
    began = time.monotonic()
    until(lambda: health()[0] == "healthy" or None, 120, "healthy again", 1)
    healthy_s = time.monotonic() - began
    print(
        f"\nfeed frozen → unhealthy {unhealthy_s:.1f} s (limit {STALE_S:.0f} s); fresh → healthy {healthy_s:.1f} s"
    )
    assert unhealthy_s > STALE_S - CADENCE_S
    assert healthy_s < 4 * CADENCE_S


def write(port: int, token: str = "") -> int:
    """The status of an attempt to label a frame that is not there."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = json.dumps(
        {"camera": "midnight", "observed_at": "2024-02-10T05:30:00Z", "label": "aurora", "who": "A"}
    )
    request = urllib.request.Request(f"http://127.0.0.1:{port}/label", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_without_a_token_it_does_not_start(image: str) -> None:
    """As shipped the page is open to other machines: one line says what is missing, exit 2."""
    done = subprocess.run(
        ["podman", "--runtime", "runc", "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--network=host",
         *ULIMITS, "-e", f"AURORAD_DAEMON__PORT={free_port()}", image],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no credential 'token' in /run/secrets" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_of_its_secrets_lets_write_and_nothing_else_does(
    image: str, site: str, tmp_path: Path
) -> None:
    """As documented, with a file of secrets: anyone reads, whoever has the token writes."""
    port, token, name = free_port(), "0123456789abcdef0123", f"{NAME}-token"
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o755)
    (secrets / "token").write_text(token)
    (secrets / "token").chmod(0o644)
    config = tmp_path / "aurorad.toml"
    config.write_text(camera_table(now(), int(site.rpartition(":")[2]), CADENCE_S, STALE_S))
    config.chmod(0o644)
    subprocess.run(["podman", "rm", "-f", name], capture_output=True)
    podman(
        *("run", "-d", "--name", name, "--read-only", "--tmpfs", "/tmp", "--cap-drop=ALL", "--network=host"),
        *("--security-opt=no-new-privileges", *ULIMITS, "-e", f"AURORAD_DAEMON__PORT={port}"),
        *("-v", f"{secrets}:/run/secrets:ro", "-v", f"{config}:/etc/aurorad/aurorad.toml:ro", image),
    )
    try:
        until(lambda: rows(port) >= 1 or None, 120, "a frame in the record", 1)
        assert write(port) == 401
        assert write(port, "0123456789abcdef0124") == 401
        assert write(port, token) == 404  # let in; there is no such frame
    finally:
        podman("rm", "-f", "-v", name)


def test_a_kill_loses_nothing(container: int) -> None:
    """`docker kill`, and it goes on with a record that is whole and has no row twice."""
    before = rows(container)
    assert before > 0
    podman("kill", "-s", "KILL", NAME)
    podman("start", NAME)
    until(lambda: rows(container) >= 1 or None, 120, "a frame after the kill", 1)
    code = (
        "import sqlite3; c = sqlite3.connect('file:/var/lib/aurorad/aurorad.db?mode=ro', uri=True); "
        "print(c.execute('pragma integrity_check').fetchone()[0], "
        "c.execute('select count(*) - count(distinct camera || observed_at) from observations').fetchone()[0], "
        "c.execute('select count(probability) from observations').fetchone()[0])"
    )
    whole, twice, judged = podman("exec", NAME, "/opt/aurorad/bin/python", "-c", code).split()
    assert (whole, twice) == ("ok", "0")
    assert int(judged) >= before


def test_stop_drains(container: int) -> None:
    """`docker stop` ends it cleanly well inside the grace, and it comes up again on the same record."""
    began = time.monotonic()
    podman("stop", "-t", "30", NAME)
    stopped_s = time.monotonic() - began
    size = int(json.loads(podman("image", "inspect", IMAGE))[0]["Size"])
    print(f"\nstop: {stopped_s:.1f} s; image: {size / 1e6:.0f} MB with a base of our own")
    assert stopped_s < 10
    assert podman("inspect", "-f", "{{.State.ExitCode}}", NAME) == "0"
    podman("start", NAME)
    until(lambda: rows(container) >= 1 or None, 120, "a frame after the start", 1)
