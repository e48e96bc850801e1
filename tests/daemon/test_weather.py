"""It clears and it clouds over: said once, after the hold time, and only of what was seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.alert.sky_news import SkyNews
from daemon.config import CameraSettings, NotifySettings, Settings
from daemon.record.store import Store
from daemon.sky.stars.visibility import SECTORS
from daemon.weather import SkyChange, SkyHeld, clear_sky, follow
from tests.conftest import SetClock
from tests.daemon.alert.test_message import T0, observation

HOLD = timedelta(minutes=20)
CLEAR, COVERED = "9" * SECTORS, "0" * SECTORS


def _night(
    frames: str, held: SkyHeld | None = None, step_min: float = 5.0
) -> tuple[SkyHeld, list[SkyChange]]:
    """Frames as letters: ``+`` clear, ``-`` covered, ``.`` neither, blank none at all."""
    held, changes = held or SkyHeld(), []
    for number, letter in enumerate(frames):
        if letter == " ":
            continue
        at = T0 + timedelta(minutes=number * step_min)
        held, change = follow(held, at, {"+": True, "-": False, ".": None}[letter], HOLD, by_stars=True)
        changes += [change] if change else []
    return held, changes


@pytest.mark.parametrize(
    ("frames", "kinds"),
    [
        ("++++", []),
        ("+++++", ["clears"]),
        ("-----------", []),
        ("-----+++++", ["clears"]),
        ("-----++++-+++-", []),
        ("+++++-----", ["clears", "clouds over"]),
        ("+++++----+----+", ["clears"]),
        ("+++++-.-.-", ["clears", "clouds over"]),
        ("+++++..........", ["clears"]),
        ("+++++-        -", ["clears"]),
        ("+++++-----+++++", ["clears", "clouds over", "clears"]),
        # Of an evening nothing was said yet: each side waits for itself.
        ("----+", []),
        ("-------------+-", []),
        ("++++-++++-++++-", []),
        ("+-+-+-+-+-++++", []),
        ("+-+-+-+-+-+++++", ["clears"]),
    ],
)
def test_a_change_is_said_once_it_has_held(frames: str, kinds: list[str]) -> None:
    """Twenty minutes without the contrary and without a gap; a night that begins under cloud is no news."""
    assert [change.kind for change in _night(frames)[1]] == kinds


def test_the_message_says_since_when() -> None:
    """The change is dated by the first frame that showed it, not by the end of the wait."""
    (change,) = _night("-----+++++")[1]
    assert (change.since, change.at) == (T0 + timedelta(minutes=25), T0 + timedelta(minutes=45))


def test_yesterday_s_sky_is_forgotten() -> None:
    """Clear last night and clear tonight is news again; clear before and after a short gap is not."""
    held, _ = _night("+++++")
    later = T0 + timedelta(hours=10)
    for minute in range(0, 25, 5):
        held, change = follow(held, later + timedelta(minutes=minute), True, HOLD, by_stars=True)
    assert change is not None
    assert change.kind == "clears"
    assert SkyHeld.from_dict(held.to_dict()) == held


def test_what_speaks_for_a_clear_sky() -> None:
    """The stars where they are known, the model where it is sure, and nothing else."""
    seen = observation()
    assert [clear_sky(seen, share) for share in (0.95, 0.6, 0.4, 0.1)] == [True, True, None, False]
    assert clear_sky(seen, None) is None
    assert clear_sky(observation(verdict="unusable"), 0.9) is None
    assert clear_sky(observation(prediction=None), 0.9) is None


def _told(
    folder: Path, kinds: tuple[str, ...], skies: list[str | None], silenced: str | None = None
) -> list[str]:
    """Titles of the messages about frames five minutes apart; a restart after each."""
    if silenced is not None:
        with Store(folder / "a.db") as store:
            store.snooze(silenced, T0 + timedelta(days=1))
    phone = NotifySettings.model_validate({"name": "phone", "url": "json://localhost", "kinds": kinds})
    settings = Settings(notify=(phone,))
    for number, stars in enumerate(skies):
        at: datetime = T0 + timedelta(minutes=5 * number)
        with Store(folder / "a.db") as store:
            frame = observation(stars=stars)
            SkyNews(CameraSettings(title="Yellowknife"), settings, store, SetClock(at)).follow(
                type(frame)(**{**vars(frame), "observed_at": at})
            )
    with Store(folder / "a.db") as store:
        return [row["title"] for row in store.reader.messages()][::-1]


def test_who_asked_hears_of_it_and_nobody_else(tmp_path: Path) -> None:
    """Opt-in, kept through restarts, each kind for itself, with the witness named."""
    skies: list[str | None] = [*[CLEAR] * 5, *[COVERED] * 5]
    both = tmp_path / "both"
    both.mkdir()
    assert _told(both, ("clears", "clouds over"), skies) == [
        "The sky over Yellowknife has cleared",
        "The sky over Yellowknife has clouded over",
    ]
    with Store(both / "a.db") as store:
        body = str(store.reader.messages()[-1]["body"])
    assert body.startswith(
        "Clear since 21:50 MST on 9 February 2024 (04:50 UTC), by the stars.\nSun 31° below"
    )
    one = tmp_path / "one"
    one.mkdir()
    assert _told(one, ("clouds over",), skies) == ["The sky over Yellowknife has clouded over"]
    none = tmp_path / "none"
    none.mkdir()
    assert _told(none, ("onset", "strong", "over"), skies) == []
    for silenced, heard in (
        ("", []),
        ("phone", []),
        ("other", ["The sky over Yellowknife has clouded over"]),
    ):
        quiet = tmp_path / f"silent {silenced}"
        quiet.mkdir()
        assert _told(quiet, ("clouds over",), skies, silenced) == heard
