"""Which stamps the pictures around them contradict, by the order of names and of the files' own times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from daemon.archive.stamp_order import Stamped, in_natural_order, judged

EVENING = datetime(2024, 2, 9, 21, 0, 7, tzinfo=UTC)


def _folder(name: str, minutes: list[float], written: list[float] | None = None) -> list[Stamped]:
    """Pictures a0, a1 … whose stamps are so many minutes after the evening; written at once where nothing is said."""
    return [
        Stamped(Path(name, f"a{k}.png"), EVENING + timedelta(minutes=at), written[k] if written else 0.0)
        for k, at in enumerate(minutes)
    ]


def _wrong(pictures: list[Stamped]) -> list[str]:
    return sorted(str(path) for path in judged(pictures)[0])


def test_names_are_ordered_as_people_count() -> None:
    """Also the names of folders, and where a name holds no number."""
    names = ["1/a", "2/frame_1b", "2/frame_2", "2/frame_10", "10/a", "x"]
    assert sorted(map(Path, reversed(names)), key=in_natural_order) == list(map(Path, names))


def test_single_misread_stamps_are_found_wherever_they_are() -> None:
    """A digit more or less, at the beginning, within, at the end; several of them."""
    for place, hours in ((0, 3), (20, 8), (20, -8), (39, -3)):
        minutes: list[float] = [float(k) for k in range(40)]
        minutes[place] += 60 * hours
        assert _wrong(_folder("n", minutes)) == [f"n/a{place}.png"]
    minutes = [float(k) for k in range(40)]
    minutes[7] += 600
    minutes[8] -= 60 * 24 * 30
    minutes[21] += 30
    assert _wrong(_folder("n", minutes)) == ["n/a21.png", "n/a7.png", "n/a8.png"]


def test_a_leap_at_a_folder_s_end_is_found_by_the_next_folder() -> None:
    """Hour folders, as indi-allsky's: the last stamp of one an hour ahead, the first of another an hour back."""
    one, two = [float(k) for k in range(50)], [60.0 + k for k in range(50)]
    one[49] += 60
    two[0] -= 40
    assert _wrong([*_folder("09_22", one), *_folder("09_23", two)]) == ["09_22/a49.png", "09_23/a0.png"]


def test_legible_stamps_are_not_held_to_an_order_that_is_none() -> None:
    """Names at random; two pictures alone; a counter that began again; a night of the month before in the same folder."""
    places = [float(k) for k in range(60)]
    Random(1).shuffle(places)
    assert judged(_folder("n", places)) == (set(), {Path("n", f"a{k}.png") for k in range(60)})
    assert _wrong(_folder("n", [1, 0])) == []
    assert _wrong(_folder("n", [*range(100, 140), *range(60)])) == []
    month = 60 * 24 * 30
    for minutes in (
        [*range(60), *range(-month, 10 - month)],
        [*range(50), *range(-month, 9 - month), *range(50, 60)],
    ):
        assert _wrong(_folder("n", [float(k) for k in minutes])) == []


def test_where_names_tell_no_order_the_files_own_times_do() -> None:
    """Names at random, kept with their times: a misread stamp is found all the same."""
    places = [float(k) for k in range(60)]
    Random(1).shuffle(places)
    pictures = _folder("n", [at + (300 if at == 30 else 0) for at in places], places)
    assert _wrong(pictures) == [f"n/a{places.index(30)}.png"]
