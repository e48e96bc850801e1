"""Dates beyond the years there are, and what looks like a file and never ends."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.cli import main
from daemon.config import SourceSettings, resolve_secret
from daemon.errors import ClockError, ConfigError, FetchError, PictureError
from daemon.footage import image, stamp
from daemon.footage.still_clock import heard
from daemon.observation import StampStyle
from daemon.source import Still
from daemon.source.access import Access
from daemon.source.fetch import Head, Limits, fetch_bytes
from daemon.source.folder import FolderSource
from daemon.source.mjpeg import FirstPicture
from daemon.source.url import STREAM_UPDATED, last_modified_of
from daemon.web.server import check_tls
from tests.faults.answering import Answering
from tests.faults.conftest import Entry
from tests.faults.test_fault_names import JPEG

FAMILY = "Bounds and names"


@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "Fri, 31 Dec 9999 23:59:59 -2359"]
)
def test_a_server_s_date_beyond_all_years_is_no_date(date: str, matrix: Entry) -> None:
    """The picture is taken and dated by its other witnesses; the look does not fail."""
    for header in (STREAM_UPDATED, "last-modified"):
        assert last_modified_of(Head(200, {header: date}, "http://a")) is None
    if date.startswith("0001"):
        matrix(FAMILY, "a server's date before the year 1 or after 9999", "no witness; the picture is taken")


@pytest.mark.parametrize("seconds", [-99_999_999_999, -(2**55), -1, 2**55])
def test_a_file_s_date_beyond_all_years_is_no_date(seconds: int, tmp_path: Path, matrix: Entry) -> None:
    """As a broken disk gives it: the picture is taken all the same."""
    shared = Path("/dev/shm")  # whose dates have 64 bits; a disk's may have fewer
    folder = shared / f"aurorad-{os.getpid()}" if shared.is_dir() else tmp_path / "a"
    folder.mkdir()
    try:
        (folder / "a.jpg").write_bytes(JPEG)
        subprocess.run(["touch", "-d", f"@{seconds}", folder / "a.jpg"], check=True, capture_output=True)
        still = FolderSource(SourceSettings(kind="folder", path=folder)).latest()
    finally:
        (folder / "a.jpg").unlink()
        folder.rmdir()
    assert still is not None
    assert still.last_modified is not None
    if seconds == -1:
        matrix(
            FAMILY, "a file dated before the year 1 or a thousand million years ahead", "taken, as any other"
        )


@pytest.mark.parametrize("year", ["0001", "9999"])
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Yellowknife"])
def test_a_time_in_a_name_or_a_header_s_own_zone_is_refused_too(year: str, zone: str) -> None:
    """East of Greenwich the first year begins a year before there is one; the last ends after it in the west."""
    with pytest.raises(ClockError):
        stamp.to_utc(datetime.fromisoformat(f"{year}-01-01T00:00:00"), None, zone, None)
    fetched = datetime(2024, 2, 10, tzinfo=UTC)
    still = Still(JPEG, fetched, fetched.replace(year=int(year), month=12, day=31), "a", "a")
    assert heard(still, SourceSettings(header_timezone=zone)).last_modified is None


@pytest.mark.parametrize("codec", ["idna''xn--%ff", "punycode''%ff", "utf-7''+AAA", "bogus''a"])
def test_a_stream_s_boundary_in_any_codec_is_no_error_of_ours(codec: str) -> None:
    """RFC 2231 lets a header name the codec of a value: those that cannot take it leave no stream."""
    FirstPicture.of(f"multipart/x-mixed-replace; boundary*={codec}")


@pytest.mark.parametrize(
    "challenge",
    [
        'realm="a", nonce="b", qop="auth-int"',
        'realm="a", nonce="b", algorithm=FOO',
        "realm",
        'realm="a"',
        ", ,=",
    ],
)
def test_a_login_asked_for_in_an_unknown_way_is_a_typed_refusal(challenge: str) -> None:
    """Whatever a server writes into its challenge."""
    server = Answering()
    server.answer = (
        f"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest {challenge}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    try:
        with pytest.raises(FetchError) as refused:
            fetch_bytes(server.url, Limits(20.0, 1000), {}, access=Access(server.url, ("u", "p")))
    finally:
        server.close()
    assert refused.value.reason in ("protocol", "forbidden")


def test_a_cookie_that_is_no_text_is_a_typed_refusal() -> None:
    """It would be brought back on the redirect it came with."""
    server = Answering()
    head = "HTTP/1.1 302 Found\r\nLocation: /b\r\nSet-Cookie: a=\xe9\r\nContent-Length: 0\r\n\r\n"
    server.answer = head.encode("latin-1")
    try:
        with pytest.raises(FetchError) as refused:
            fetch_bytes(server.url, Limits(20.0, 1000), {}, access=Access(server.url))
    finally:
        server.close()
    assert refused.value.reason == "protocol"


def test_a_stamp_of_thousands_of_letters_is_read_as_quickly_as_any() -> None:
    """What a text costs grows as its square: so much of one is no stamp."""
    style = StampStyle((0, 0, 1, 1), ("%H:%M %d/%m/%Y", "%Y-%m-%d %H:%M:%S"), "UTC")
    began = time.process_time()
    with pytest.raises(ClockError):
        stamp.parse_stamp("3 N2" + "A" * 20_000, style, datetime(2024, 2, 10, tzinfo=UTC))
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("command", ["sky", "calibrate"])
def test_an_instant_beyond_all_years_is_a_wrong_use(command: str, tmp_path: Path) -> None:
    """One line and exit 2."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    given = [str(tmp_path / "a.jpg")] if command == "calibrate" else []
    done = CliRunner().invoke(main, [command, *given, "--at", "0001-01-01T00:00:00+23:59"])
    assert done.exit_code == 2
    assert "is no time" in done.output


def test_a_device_is_no_picture(matrix: Entry) -> None:
    """``aurorad classify /dev/zero`` reads up to its bound, and not until the memory is full."""
    with pytest.raises(PictureError) as refused:
        image.read(Path("/dev/zero"))
    assert refused.value.reason == "too large"
    matrix(FAMILY, "a device given as a picture", "refused as “too large” after 100 MB")


def test_a_pipe_in_a_secret_s_place_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the certificate nor a credential is waited for: a reload would hang with all that it holds."""
    pipe = tmp_path / "phone"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="is no file"):
        check_tls(pipe, pipe)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigError, match="no credential"):
        resolve_secret("credential:phone")
