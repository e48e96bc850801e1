"""Exit 0 while the watch makes progress on fresh footage, 1 when not, with the reason on standard output.

For Docker's HEALTHCHECK: only the standard library, so that it costs little twice a minute. Two
questions to the daemon on this machine: ``/-/healthy`` (does every camera's watch go on?) and
``aurorad_feed_stale`` in ``/metrics`` (has a feed been stopped for longer than its ``stale_after_s``? by day nobody
looks, and nothing is wrong). They are apart in the daemon, for a restart cures the first and never the
second.
"""

import os
import re
import ssl
import sys
import urllib.error
import urllib.request

STALE = re.compile(r'^aurorad_feed_stale\{camera="([^"]*)"\} 1(?:\.0)?$', re.MULTILINE)
RESTING = re.compile(r'^aurorad_looking\{camera="([^"]*)"\} 0(?:\.0)?$', re.MULTILINE)


def ask(path: str) -> str:
    """The daemon's answer; raises OSError where there is none, HTTPError (an OSError) for a no."""
    port = os.environ.get("AURORAD_DAEMON__PORT", "8080")
    tls = "AURORAD_DAEMON__TLS_CERTIFICATE" in os.environ
    # The certificate is made for the name people use, not for 127.0.0.1, and nobody is in between.
    context = ssl._create_unverified_context() if tls else None
    address = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    # No proxy of the environment has a say in a question to ourselves.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(address, timeout=2.5) as answer:
        return str(answer.read(1_000_000).decode(errors="replace"))


def main() -> int:
    """One line and the exit status."""
    try:
        word = ask("/-/healthy").strip()
        metrics = ask("/metrics")
    except urllib.error.HTTPError as error:
        print(f"{error.code}: {error.read(500).decode(errors='replace').strip()}")
        return 1
    except OSError as error:
        print(f"no answer: {error}")
        return 1
    resting = RESTING.findall(metrics)
    stale = [camera for camera in STALE.findall(metrics) if camera not in resting]
    if stale:
        print(f"feed has stopped: {', '.join(stale)}")
        return 1
    print(word)
    return 0


if __name__ == "__main__":
    sys.exit(main())
