"""Ask pip-audit whether any installed dependency has a known vulnerability; part of ``make lint``.

    python deploy/audit.py

Exit 1 and a line each where there is one. pip-audit says "none found" too where its database knows
nothing of what is installed, and ends in a traceback without a network: here both are one line that says
that nothing was audited, and exit 0, for a machine without a network is no fault of the code.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LONGEST_S = 300.0
"""Longest wait for the database: a network that swallows what is sent is as none."""


def judge(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """(exit status, lines) for pip-audit's list of dependencies."""
    bad = [
        f"{d['name']} {d['version']}: {v['id']}, fixed in {', '.join(v['fix_versions']) or 'no release yet'}"
        for d in dependencies
        for v in d.get("vulns", ())
    ]
    asked = sum("skip_reason" not in d for d in dependencies)
    if bad:
        return 1, bad
    if asked == 0:
        return 0, ["dependencies NOT audited: the vulnerability database cannot be reached from here"]
    return 0, [f"{asked} of {len(dependencies)} dependencies audited: no known vulnerability"]


def main(program: Path) -> int:
    """Run pip-audit over this environment."""
    command = [program, "--skip-editable", "--progress-spinner", "off", "-f", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    except FileNotFoundError:
        print("pip-audit is not installed here; `make lint` installs it", file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired:
        print("\n".join(judge([])[1]))
        return 0
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if "Connection" not in why and "Timeout" not in why and "urllib3" not in why:
            print(f"pip-audit failed: {why[:300]}", file=sys.stderr)
            return 1
        dependencies = []
    status, lines = judge(dependencies)
    print("\n".join(lines), file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.executable).with_name("pip-audit")))
