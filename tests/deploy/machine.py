"""A booted Debian with aurorad installed, for the tests of the systemd unit.

Needs root, debootstrap and systemd-nspawn, and a network for Debian's packages; pip's are brought by
the pip that runs the tests, whatever index it is set up for. What takes minutes (the Debian, the
wheels) is kept in AURORAD_DEPLOY_CACHE, by default a folder in the machine's own temporary one.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from daemon.record.migrations import known_migrations

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("AURORAD_DEPLOY_CACHE", Path(tempfile.gettempdir()) / "aurorad-deploy"))
SUITE = "bookworm"
SYSTEM = "ca-certificates,libgl1,libglib2.0-0,python3,python3-venv,tesseract-ocr,tesseract-ocr-eng"
SHIPPED = ROOT / "models" / "weights" / "aurorad-b1.onnx"


def missing(*programs: str) -> str | None:
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root, to boot a machine of its own"
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)} (Debian: apt install debootstrap systemd-container buildah podman runc)"
    if sys.version_info[:2] != (3, 11):
        return f"the wheels brought from here must fit {SUITE}'s Python 3.11"
    if not model().exists():
        return "no model: models/weights/ is empty, and AURORAD_TEST_MODEL names no other"
    return None


def model() -> Path:
    """The shipped model, or the one AURORAD_TEST_MODEL names."""
    return Path(os.environ.get("AURORAD_TEST_MODEL", SHIPPED))


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*command: str | Path, timeout_s: float = 600, **options: object) -> str:
    """Run to the end; its output. Raises with what it said where it failed."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        **options,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return str(done.stdout)


def wheels() -> Path:
    """A folder with every wheel the daemon needs, brought by this Python's pip."""
    folder = CACHE / "wheels"
    lock = (ROOT / "requirements.lock").read_bytes()
    mark = folder / ".lock"
    if mark.exists() and mark.read_bytes() == lock:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run(
        *(sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "-d", folder),
        *("-c", ROOT / "requirements.lock", *needs["project"]["dependencies"]),
        *(*needs["build-system"]["requires"], "pip"),
        timeout_s=1800,
    )
    mark.write_bytes(lock)
    return folder


def debian(name: str, include: str) -> Path:
    """A minimal Debian with these packages, made once."""
    made, part = CACHE / name, CACHE / f"{name}.part"
    if not made.exists():
        shutil.rmtree(part, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        extra = [f"--include={include}"] if include else []
        run("debootstrap", "--variant=minbase", *extra, SUITE, part, timeout_s=1800)
        part.rename(made)
    return made


def before() -> str | None:
    """The last commit that wrote the first schema, or the one AURORAD_DEPLOY_BEFORE names; None where history has none."""
    if named := os.environ.get("AURORAD_DEPLOY_BEFORE"):
        return named
    second, file = known_migrations()[1], "daemon/record/migrations.py"
    asked = run("git", "log", "--reverse", "--format=%H", "-S", second, "--", file, cwd=ROOT).split()
    there = asked and subprocess.run(
        ["git", "cat-file", "-e", f"{asked[0]}~1:{file}"], cwd=ROOT, capture_output=True
    )
    return f"{asked[0]}~1" if there and there.returncode == 0 else None


def installed(commit: str | None = None) -> Path:
    """A Debian of its own in which deploy/install.sh of this tree, or of a commit, has run; :func:`throw_away` ends it."""
    base = debian("booting", f"systemd,systemd-sysv,dbus,{SYSTEM}")
    root, changes, work = (CACHE / f"{kind}-{os.getpid()}" for kind in ("machine", "changes", "work"))
    for folder in (root, changes, work):
        folder.mkdir()
    layers = f"lowerdir={base},upperdir={changes},workdir={work}"
    run("mount", "-t", "overlay", "overlay", "-o", layers, root)
    try:
        check_out(root / "srv" / "aurorad", commit)
        (root / "wheels").mkdir()
        install(root)
    except BaseException:
        throw_away(root)
        raise
    return root


def check_out(checkout: Path, commit: str | None = None) -> None:
    """The working tree as git knows it, new files included, or a commit, in place of what is there."""
    shutil.rmtree(checkout, ignore_errors=True)
    if commit is not None:
        checkout.mkdir(parents=True)
        tree = subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x", "-C", checkout], input=tree, check=True)
        return
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for file in filter(None, listed.split("\0")):
        if (ROOT / file).is_file():
            (checkout / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, checkout / file)


def throw_away(root: Path) -> None:
    """End what :func:`installed` made."""
    run("umount", root)
    for kind in ("machine", "changes", "work"):
        shutil.rmtree(root.with_name(root.name.replace("machine", kind)), ignore_errors=True)


def install(root: Path) -> str:
    """deploy/install.sh inside, as an administrator calls it; what it said."""
    return run(
        *("systemd-nspawn", "-q", "-D", root, "--register=no", "--keep-unit", "--pipe"),
        *(f"--bind-ro={wheels()}:/wheels", "--setenv=PIP_NO_INDEX=1", "--setenv=PIP_FIND_LINKS=/wheels"),
        "/srv/aurorad/deploy/install.sh",
        timeout_s=1200,
    )


class Machine:
    """The booted Debian. A context manager: powered off at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.console = (CACHE / "console.log").open("wb")
        self._boot: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Machine:
        self._boot = subprocess.Popen(
            [
                *("systemd-nspawn", "--quiet", "--boot", "--private-network", "--register=no", "--keep-unit"),
                *("-D", str(self.root), "--console=pipe", "--link-journal=no"),
                f"--bind-ro={wheels()}:/wheels",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self.console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.init = until(self._find_init, 60, "the machine's init")
        until(lambda: self._up() or None, 120, "the machine has booted")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._boot is not None
        subprocess.run(["kill", "-s", "RTMIN+4", str(self.init)], check=False)  # systemd's "power off"
        try:
            self._boot.wait(30)
        except subprocess.TimeoutExpired:
            self._boot.kill()
            self._boot.wait()
        self.console.close()

    def _find_init(self) -> int | None:
        assert self._boot is not None
        assert self._boot.poll() is None, "systemd-nspawn ended: see console.log in the cache"
        children = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children").read_text().split()
        # The first child may be nspawn's own helper; init is the one that has become systemd.
        for pid in children:
            for grandchild in (pid, *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
                if Path(f"/proc/{grandchild}/comm").read_text().strip() == "systemd":
                    return int(grandchild)
        return None

    def _up(self) -> bool:
        return self.ask("systemctl", "is-system-running").strip() in ("running", "degraded")

    def ask(self, *command: str, timeout_s: float = 120) -> str:
        """What a command inside prints, whatever its exit status."""
        enter = ["nsenter", f"--target={self.init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root"]
        done = subprocess.run(
            [
                *enter,
                "env",
                "-i",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *command,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
        )
        return done.stdout

    def get(self, path: str, port: int = 8080) -> str:
        """What a page of the machine's own loopback answers; empty where nobody does."""
        code = (
            "import sys, urllib.request, urllib.error\n"
            "try: print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())\n"
            "except urllib.error.HTTPError as e: print(e.code, e.read().decode())\n"
            "except OSError: pass"
        )
        return self.ask("python3", "-c", code, f"http://127.0.0.1:{port}{path}")

    def metric(self, pattern: str) -> float:
        """The sum of the series of /metrics whose line begins with the pattern (a regular expression)."""
        found = re.findall(rf"^{pattern}\S* (\S+)$", self.get("/metrics"), re.MULTILINE)
        return sum(map(float, found))

    def unit(self, key: str) -> str:
        """A property of aurorad.service."""
        return self.ask("systemctl", "show", "-P", key, "aurorad.service").strip()

    def main_pid(self) -> int | None:
        """The daemon's process number as the machine under the test counts, while it is active."""
        if self.unit("ActiveState") != "active":
            return None
        inside = self.unit("MainPID")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            pids = re.search(r"^NSpid:\s+(.*)$", text, re.MULTILINE)
            if pids and pids[1].split()[-1] == inside and len(pids[1].split()) > 1 and "aurorad" in text:
                return int(status.parent.name)
        return None

    def rows(self) -> int:
        """Observations with a probability in the database; 0 while there is none."""
        answer = self.query("select count(probability) from observations")
        return int(answer[0]) if answer[:1] and answer[0].isdigit() else 0

    def query(self, sql: str) -> list[str]:
        """The first column of what the record answers, or the lines of the error."""
        code = (
            "import sqlite3, sys; c = sqlite3.connect('file:/var/lib/aurorad/aurorad.db?mode=ro', uri=True); "
            "print(*(row[0] for row in c.execute(sys.argv[1])), sep='\\n')"
        )
        return self.ask("python3", "-c", code, sql).split("\n")[:-1]

    def watching_again(self, limit_s: float) -> float:
        """Seconds until a frame more than now is in the record."""
        began, earlier = time.monotonic(), self.rows()
        until(lambda: self.rows() > earlier or None, limit_s, "a new frame in the record", 0.5)
        return time.monotonic() - began

    def journal(self, since: str = "") -> str:
        """The daemon's log; ``since`` a cursor of :meth:`cursor`."""
        after = ["--after-cursor", since] if since else []
        return self.ask("journalctl", "-u", "aurorad", "--no-pager", "-o", "short-iso-precise", *after)

    def cursor(self) -> str:
        """Where the journal is now."""
        shown = self.ask("journalctl", "-n", "0", "--show-cursor", "--no-pager")
        return shown.rpartition("-- cursor: ")[2].strip()


def until(question: Callable[[], T | None], limit_s: float, what: str, step_s: float = 0.25) -> T:
    """The first answer that is not None, within the limit; else an AssertionError naming what was awaited."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        answer = question()
        if answer is not None:
            return answer
        time.sleep(step_s)
    raise AssertionError(f"not within {limit_s:.0f} s: {what}")


def now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)
