"""Anything at all in a stamp, in a configuration, in an HTTP answer: typed refusals and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.clock import Clock
from daemon.config import CameraSettings, Settings, SourceSettings, load
from daemon.errors import ClockError, ConfigError, FetchError, FootageError
from daemon.footage import stamp, still_clock
from daemon.footage.frame import from_still
from daemon.observation import StampStyle
from daemon.source.auroramax import fetch_movie
from daemon.source.url import UrlSource
from tests.faults import fuzz
from tests.faults.answering import Answering
from tests.faults.conftest import Entry
from tests.faults.harness import Sky
from training.simulator.site import Site

STYLE = CameraSettings().camera().stamp
NEAR = datetime(2024, 2, 10, 5, 30, tzinfo=UTC)
LOOKALIKES = st.text(alphabet="0123456789-/: .MSTDCHNRoOlIBS|'\"’—\n\x00é２", max_size=45)
NEARLY = st.builds(
    lambda at, put, char: (text := f"{at:%Y-%m-%d %H:%M:%S} MST")[: put % 23] + char + text[put % 23 + 1 :],
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
    st.integers(0, 22),
    st.characters(codec="utf-8"),
)
FORMS = st.sampled_from(
    [
        ("%Y-%m-%d %H:%M:%S",),
        ("%Y/%m/%d %H:%M",),
        ("%d.%m.%y %H-%M",),
        ("%Y-%m-%d %H:%M:%S", "%H:%M %d/%m/%Y"),
    ]
)


@settings(max_examples=250, deadline=None)
@given(LOOKALIKES | NEARLY | st.text(max_size=60), FORMS, st.sampled_from(["America/Yellowknife", "UTC", "No/Where"]),
       st.none() | st.datetimes(datetime(1995, 1, 1), datetime(2050, 1, 1)))  # fmt: skip
def test_any_stamp_is_a_time_or_a_clock_error(
    text: str, formats: tuple[str, ...], zone: str, near: datetime | None
) -> None:
    """Never another exception, and never a time without a zone or outside the years a camera knows."""
    style = StampStyle((0, 0, 1, 1), formats, zone)
    witness = near.replace(tzinfo=UTC) if near else None
    try:
        at = stamp.parse_stamp(text, style, witness)
    except ClockError:
        return
    assert at.utcoffset() == timedelta(0)
    assert 1989 <= at.year <= 2053


VALUES = st.one_of(
    st.integers(), st.floats(allow_nan=True), st.booleans(), st.text(max_size=20).map(repr), st.just("[]"),
    st.just("{}"), st.just('""'), st.just("1979-05-27T07:32:00Z"), st.just("[[1, 2], 'a']"),
    st.sampled_from(["'env:'", "'credential:../../etc/passwd'", "'%n'", "1e400", "-0", "'UTC'", "'json://'"]),
)  # fmt: skip
KEYS = sorted(
    {*SourceSettings.model_fields, *CameraSettings.model_fields, "port", "host", "state_dir", "token", "on",
     "off", "confirm", "of", "look_below_deg", "runtime", "device", "region", "formats", "nonsense"}
)  # fmt: skip
TABLES = [
    "[daemon]",
    "[model]",
    "[[camera]]",
    "[camera.source]",
    "[camera.stamp]",
    "[gate]",
    "[event]",
    "[[notify]]",
]
LINES = st.lists(
    st.one_of(
        st.sampled_from(TABLES),
        st.builds(lambda key, value: f"{key} = {str(value).lower()}", st.sampled_from(KEYS), VALUES),
        st.text(max_size=30),
    ),
    max_size=12,
).map("\n".join)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=LINES.map(lambda text: text.encode(errors="surrogatepass")) | st.binary(max_size=80))
def test_any_configuration_is_settings_or_one_line(content: bytes, tmp_path: Path) -> None:
    """A file is understood or refused with its name, in one line."""
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    said = str(path)
    try:
        assert isinstance(load(path), Settings)
    except ConfigError as error:
        said = str(error)
    assert said.startswith(str(path))
    assert "\n" not in said


@pytest.mark.parametrize(
    "name", ["AURORAD_CAMERA", "AURORAD_DAEMON__PORT", "AURORAD_DAEMON", "AURORAD_EVENT__ON"]
)
def test_nonsense_in_the_environment_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, refused, and not said again: a value may be a secret."""
    monkeypatch.setenv(name, "nonsense")
    with pytest.raises(ConfigError) as told:
        load(None)
    assert "the environment" in str(told.value)
    assert "nonsense" not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.fixture(scope="module")
def server() -> Iterator[Answering]:
    answering = Answering()
    yield answering
    answering.close()


JPEG = Site(Sky()).still("480p").data
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Content-Length", "Last-Modified", "ETag", "Location", "Content-Type", "Transfer-Encoding",
             "Content-Encoding", "Retry-After", "x-rt-stream-last-updated-utc", "Content-Range", "Connection"]
        ),
        st.one_of(
            st.sampled_from(
                ["0", "-1", "99999999999999999999", "chunked", "gzip", "W/\"a\"", "Sat, 31 Dec 2016 23:59:60 GMT",
                 "2024-02-10T05:30:00", "http://[::1", "//", "file:///etc/passwd", "bytes 0-1/2", "close",
                 "Mon, 99 Foo 0000 00:00:00", str(len(JPEG))]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
        ),
    ),
    max_size=5,
)  # fmt: skip
BODIES = st.one_of(
    st.just(JPEG), st.binary(max_size=200), st.integers(0, len(JPEG)).map(lambda end: JPEG[:end]),
    st.tuples(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=30)).map(
        lambda change: JPEG[: change[0]] + change[1] + JPEG[change[0] + len(change[1]) :]
    ),
)  # fmt: skip
ANSWERS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda status, headers, body: b"HTTP/1.1 %d OK\r\n" % status
        + b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers) + b"\r\n" + body,
        st.sampled_from([200, 200, 200, 200, 206, 204, 100, 301, 302, 304, 404, 416, 429, 500, 503, 999]),
        HEADERS,
        BODIES,
    ),
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(ANSWERS)
def test_any_answer_is_a_frame_or_a_footage_error(server: Answering, answer: bytes) -> None:
    """Whatever a server says, the watch gets a still it can use, or a typed reason; and in bounded time."""
    server.answer = answer
    camera = CameraSettings(stamp=False)
    given_url = SourceSettings(url=server.url, timeout_s=2.0, max_bytes=1_000_000, time_from="header")
    source = UrlSource(given_url, 60, "aurorad/test", Clock())
    try:
        still = source.ask()
        frame = from_still(still, camera.camera(), 2_000_000)
        dated = still_clock.StillClock(camera.camera(), given_url).date(frame, still.name)
    except FootageError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert refused.reason
        assert "\n" not in str(refused)
        return
    assert dated.observed_at is not None
    assert dated.observed_at.utcoffset() == timedelta(0)
    assert dated.square.shape == (240, 240, 3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANSWERS)
def test_any_answer_in_a_movie_s_place_is_a_fetch_error_or_no_movie(
    server: Answering, tmp_path: Path, answer: bytes
) -> None:
    """No answer that is no movie ever gets a movie's name."""
    server.answer = answer
    asked = SourceSettings(
        movie_url=server.url.replace("a.jpg", "{yyyy}{mm}{dd}.mp4"),
        movie_url_alternatives=(),
        movie_timeout_s=2.0,
    )
    with suppress(FetchError):
        assert fetch_movie(asked, NEAR.date(), tmp_path, "aurorad/test") is None
    assert not list(tmp_path.glob("*.mp4"))


@pytest.mark.parametrize("key", ["][", "[a]", "a-b[c]", "", "function-x[y]"])
def test_a_key_of_brackets_is_an_unknown_key(key: str, tmp_path: Path) -> None:
    """Found by the fuzz run: refused in one line like any other misspelt key."""
    path = tmp_path / "a.toml"
    path.write_text(f"'{key}' = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key"):
        load(path)


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_random_input_is_used_or_refused_and_nothing_stays(kind: str) -> None:
    """No exception that is not ours, no case that takes long, no memory, file or thread kept."""
    _no_harm(fuzz.run(kind, 150 if kind == "http" else 600, seed=random.randrange(1 << 30)))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_a_hundred_thousand_cases(kind: str, matrix: Entry) -> None:
    """The same with 100,000 cases of each kind."""
    figures = fuzz.run(kind, 100_000)
    _no_harm(figures)
    matrix(
        "Anything at all",
        f"random input: {kind}, 100,000 cases",
        f"used or refused by a typed error; slowest {1e3 * figures.slowest_s:.0f} ms of CPU, memory"
        f" {figures.grown_mb:+.0f} MB, open files {figures.files:+d}",
    )


def _no_harm(figures: fuzz.Figures) -> None:
    assert "two lines" not in figures.outcomes
    assert figures.slowest_s < fuzz.SLOWEST_S, figures.line()
    assert figures.grown_mb < fuzz.GROWN_MB, figures.line()
    assert figures.files <= 2, figures.line()
    assert figures.threads <= 2, figures.line()


def test_the_fuzzer_is_in_the_matrix(matrix: Entry) -> None:
    """Its lines stand in the table: examples are drawn anew on every run."""
    assert STYLE is not None
    matrix("Anything at all", "random stamp texts, 250 a run", "a time in UTC or a ClockError")
    matrix(
        "Anything at all",
        "random configurations, 200 a run",
        "settings, or one line with the file and the fault",
    )
    matrix("Anything at all", "random HTTP answers for a still and for a movie, 180 a run",
           "a frame or a typed reason, in bounded time")  # fmt: skip
