"""The night movie over real HTTP: found, resumed, checked, and never half there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from daemon.config import SourceSettings
from daemon.errors import FetchError
from daemon.source.auroramax import fetch_movie, movie_addresses, movie_retry_s
from daemon.source.mp4 import whole_mp4
from training.simulator.footage import DrawnNight
from training.simulator.http import Server
from training.simulator.movie import write_movie
from training.simulator.site import Site

NIGHT = date(2024, 2, 10)
DAWN = datetime(2024, 2, 10, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    frames = (rng.integers(0, 255, (144, 256, 3), dtype=np.uint8) for _ in range(30))
    return write_movie(tmp_path_factory.mktemp("film") / "film.mp4", frames)


@pytest.fixture
def site(film: Path) -> Site:
    empty = DrawnNight(lambda _: np.zeros((8, 8, 3), np.uint8), DAWN, DAWN)
    site = Site(empty)
    site.add_movie(NIGHT, film)
    return site


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    with Server(site) as running:
        yield running


@pytest.fixture
def settings(server: Server) -> SourceSettings:
    folder = server.address + "/sort_by_project/AuroraMAX/rt-movies/mp4/{yyyy}/{mm}/{dd}/"
    name = "auroramaxHD_{yyyy}{mm}{dd}_720p.mp4"
    return SourceSettings(
        movie_url=folder + name,
        movie_url_alternatives=(folder + "yknf_slr-12/" + name,),
        movie_timeout_s=5,
    )


def fetched(settings: SourceSettings, folder: Path) -> Path | None:
    return fetch_movie(settings, NIGHT, folder, "aurorad-test")


def half_loaded(settings: SourceSettings, folder: Path, site: Site) -> Path:
    """Break a download half-way; the part it leaves."""
    site.faults.set("truncated", times=1)
    with pytest.raises(FetchError) as caught:
        fetched(settings, folder)
    assert caught.value.reason == "truncated"
    return next(folder.glob("*.part"))


def test_the_movie_of_a_night_is_fetched_whole(settings: SourceSettings, tmp_path: Path, film: Path) -> None:
    """It arrives under its own name, byte for byte, and nothing else is left."""
    path = fetched(settings, tmp_path / "movies")
    assert path is not None
    assert path.name == "auroramaxHD_20240210_720p.mp4"
    assert path.read_bytes() == film.read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_a_movie_already_there_is_not_asked_for(settings: SourceSettings, tmp_path: Path, site: Site) -> None:
    """A second call makes no request."""
    assert fetched(settings, tmp_path) == fetched(settings, tmp_path)
    assert site.asked["movie"] == 1


def test_a_movie_not_there_yet_is_none(settings: SourceSettings, tmp_path: Path, site: Site) -> None:
    """404 on every address means not yet; nothing is left behind."""
    site.movies.clear()
    assert fetched(settings, tmp_path) is None
    assert site.asked["movie"] == 2
    assert list(tmp_path.iterdir()) == []


def test_the_other_address_is_tried(settings: SourceSettings, tmp_path: Path, site: Site, film: Path) -> None:
    """Years that insert a folder are found by the alternative."""
    site.add_movie(NIGHT, film, folder="yknf_slr-12")
    assert fetched(settings, tmp_path) is not None


def test_a_broken_download_is_gone_on_with(
    settings: SourceSettings, tmp_path: Path, site: Site, film: Path
) -> None:
    """After a break only the missing rest is sent, and the whole is right."""
    part = half_loaded(settings, tmp_path, site)
    assert part.stat().st_size == film.stat().st_size // 2
    before = part.read_bytes()
    # Marked, so that it shows whether these bytes were kept or loaded again.
    part.write_bytes(before[:-1] + bytes([before[-1] ^ 255]))
    path = fetched(settings, tmp_path)
    assert path is not None
    data, whole = path.read_bytes(), film.read_bytes()
    assert len(data) == len(whole)
    assert [i for i in range(len(whole)) if data[i] != whole[i]] == [len(before) - 1]


def test_a_server_that_ignores_range_starts_cleanly(
    settings: SourceSettings, tmp_path: Path, site: Site, film: Path
) -> None:
    """The whole file where a part was asked for takes the part's place."""
    half_loaded(settings, tmp_path, site)
    site.faults.set("ignore-range", times=1)
    path = fetched(settings, tmp_path)
    assert path is not None
    assert path.read_bytes() == film.read_bytes()


def test_a_movie_that_changed_meanwhile_is_not_mixed(
    settings: SourceSettings, tmp_path: Path, site: Site, film: Path
) -> None:
    """If-Range: when the site has put up another file, it is loaded from its beginning."""
    half_loaded(settings, tmp_path, site)
    other = tmp_path / "other.mp4"
    rng = np.random.default_rng(2)
    write_movie(other, (rng.integers(0, 255, (144, 256, 3), dtype=np.uint8) for _ in range(40)))
    site.add_movie(NIGHT, other)
    path = fetched(settings, tmp_path / "")
    assert path is not None
    assert path.read_bytes() == other.read_bytes()


def test_a_hostile_range_is_refused_and_forgotten(
    settings: SourceSettings, tmp_path: Path, site: Site, film: Path
) -> None:
    """Another part than was asked for is not written; the next try begins anew and succeeds."""
    half_loaded(settings, tmp_path, site)
    site.faults.set("bad-range", times=1)
    with pytest.raises(FetchError) as caught:
        fetched(settings, tmp_path)
    assert caught.value.reason == "bad range"
    path = fetched(settings, tmp_path)
    assert path is not None
    assert path.read_bytes() == film.read_bytes()


def test_a_part_from_before_a_power_cut_is_not_trusted(
    settings: SourceSettings, tmp_path: Path, site: Site, film: Path
) -> None:
    """A part of an earlier start of the machine may hold blocks that never reached the disk."""
    part = half_loaded(settings, tmp_path, site)
    part.write_bytes(bytes(part.stat().st_size))
    note = part.with_name(part.name + ".json")
    note.write_text(json.dumps({**json.loads(note.read_text()), "boot": "before"}))
    path = fetched(settings, tmp_path)
    assert path is not None
    assert path.read_bytes() == film.read_bytes()


@pytest.mark.parametrize("note", ["", "{}", "[]", '{"url": 1}'])
def test_a_part_without_its_note_is_not_trusted(
    settings: SourceSettings, tmp_path: Path, site: Site, film: Path, note: str
) -> None:
    """A part nobody knows the origin of is loaded anew."""
    part = half_loaded(settings, tmp_path, site)
    part.with_name(part.name + ".json").write_text(note)
    path = fetched(settings, tmp_path)
    assert path is not None
    assert path.read_bytes() == film.read_bytes()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("html", "not a movie"),
        ("empty", "truncated"),
        ("half", "truncated"),
        ("short-length", "truncated"),
        ("500", "server error"),
        ("loop", "redirect loop"),
        ("close", "protocol"),
        ("huge", "too large"),
    ],
)
def test_what_is_no_whole_movie_never_gets_its_name(
    settings: SourceSettings, tmp_path: Path, site: Site, fault: str, reason: str
) -> None:
    """Pages, halves and errors raise with their reason; the next good answer is taken."""
    site.faults.set(fault)
    with pytest.raises(FetchError) as caught:
        fetched(settings, tmp_path)
    assert caught.value.reason == reason
    assert list(tmp_path.glob("*.mp4")) == []
    site.faults.set("none")
    assert fetched(settings, tmp_path) is not None


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_slow_site_costs_its_time_limit_and_no_more(
    settings: SourceSettings, tmp_path: Path, site: Site, fault: str
) -> None:
    """A download that does not get on ends as timeout."""
    site.faults.set(fault)
    with pytest.raises(FetchError) as caught:
        fetched(settings.model_copy(update={"movie_timeout_s": 0.5}), tmp_path)
    assert caught.value.reason == "timeout"


def test_a_movie_too_large_is_not_loaded(settings: SourceSettings, tmp_path: Path) -> None:
    """max_movie_bytes holds before a byte is written."""
    with pytest.raises(FetchError) as caught:
        fetched(settings.model_copy(update={"max_movie_bytes": 1000}), tmp_path)
    assert caught.value.reason == "too large"
    assert list(tmp_path.glob("*.mp4")) == []


def test_a_folder_that_cannot_be_written_is_told_as_such(settings: SourceSettings, tmp_path: Path) -> None:
    """A folder that cannot be written is an error of one line that names it."""
    blocked = tmp_path / "movies"
    blocked.mkdir()
    (blocked / "auroramaxHD_20240210_720p.mp4.part").mkdir()
    with pytest.raises(FetchError) as caught:
        fetched(settings, blocked)
    assert caught.value.reason == "disk"


def test_movies_are_auroramaxs_alone(settings: SourceSettings) -> None:
    """A camera of one's own never gets AuroraMAX's movie by a default it did not set."""
    assert movie_addresses(settings.model_copy(update={"kind": "url"}), NIGHT) == ()
    assert movie_addresses(SourceSettings(), date(2024, 2, 1))[0].endswith(
        "/rt-movies/mp4/2024/02/01/auroramaxHD_20240201_720p.mp4"
    )


def test_a_missing_movie_is_asked_for_ever_less_often() -> None:
    """Ten minutes at first, an hour at most."""
    waits = [movie_retry_s(tries) for tries in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] == 600
    assert waits[-1] == 3600


def test_every_cut_of_a_movie_is_noticed(film: Path, tmp_path: Path) -> None:
    """Wherever a file ends early, its boxes tell."""
    whole = film.read_bytes()
    assert whole_mp4(film) is None
    cut = tmp_path / "cut.mp4"
    for size in (0, 1, 7, 20, 40, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        assert whole_mp4(cut) is not None, size
