#!/bin/sh
# Bring the system's own programs: `prepare.sh watching` finds or installs tesseract (and the libraries
# OpenCV links to); `prepare.sh testing` also a browser, Prometheus, ffmpeg and faketime. Where apt may not be used,
# one clear line says what to install: without tesseract nothing works, the rest is skipped by the tests.
set -u
what=${1:-watching}

have() { command -v "$1" >/dev/null 2>&1; }

install() {  # install PACKAGE... : 0 when apt did it
    have apt-get || return 1
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        have sudo && sudo -n true 2>/dev/null || return 1
        as_root="sudo -n"
    fi
    log=$(mktemp)
    if DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1 ||
        { $as_root apt-get update -q >"$log" 2>&1 &&
          DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1; }; then
        rm -f "$log"
        return 0
    fi
    tail -n 3 "$log" >&2
    rm -f "$log"
    return 1
}

if ! have tesseract; then
    install tesseract-ocr || {
        echo "aurorad reads the burnt-in clock with tesseract, which is not here. Install it (Debian: apt install tesseract-ocr; Fedora: dnf install tesseract; macOS: brew install tesseract) and call make again." >&2
        exit 2
    }
fi
# The OpenCV wheel links to these; a slim container has neither.
if have ldconfig && have apt-get; then
    ldconfig -p | grep -q 'libGL\.so\.1' || install libgl1 || echo "OpenCV may need libGL.so.1 (Debian: apt install libgl1)" >&2
    ldconfig -p | grep -q 'libgthread-2\.0\.so\.0' || install libglib2.0-0 || echo "OpenCV may need libglib (Debian: apt install libglib2.0-0)" >&2
fi

if [ "$what" = testing ]; then
    missing=""
    have chromium || missing="$missing chromium"
    have chromedriver || missing="$missing chromium-driver"
    have promtool || missing="$missing prometheus"
    have ffmpeg || missing="$missing ffmpeg"
    ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing="$missing faketime"
    # shellcheck disable=SC2086 # the words are package names
    [ -z "$missing" ] || install $missing || echo "Not here and not installable:$missing. The tests that need them are skipped." >&2
fi
exit 0
