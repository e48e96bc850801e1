"""The tables and figures, from real databases."""

from __future__ import annotations

import csv
import io
import math
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from matplotlib.container import ErrorbarContainer

from daemon.commands.report import figures, frames, write_report
from daemon.commands.report.frames import Wanted, read_frames
from daemon.commands.report.intervals import interval
from daemon.commands.report.page import as_csv
from daemon.commands.report.provenance import Provenance
from daemon.commands.report.tables import Table, share
from daemon.config import CameraSettings
from daemon.errors import AuroradError, StoreError
from daemon.footage.image import decode
from daemon.observation import utc_text
from daemon.record.store import Store
from daemon.words import percent
from tests.daemon.record.made import put_rows

THESIS_AURORA, THESIS_FRAMES = 61_013, 214_890
SVG = ("svg",)
FILLED = (
    *("camera", "observed_at", "probability", "verdict", "twilight", "moonlight"),
    *("moon_phase_deg", "sun_altitude_deg", "moon_altitude_deg"),
)


def fill(path: Path, rows: list[tuple[Any, ...]]) -> Path:
    """Rows of (camera, observed_at, probability, verdict, twilight, moonlight, phase)."""
    Store(path).close()
    connection = sqlite3.connect(path)
    put_rows(connection, FILLED, [(*row, -30, 5) for row in rows])
    connection.commit()
    connection.close()
    return path


def read(path: Path) -> list[dict[str, str]]:
    """A table's rows; the line that says what it rests on stands above them."""
    about, _, text = path.read_text(encoding="utf-8").partition("\n")
    assert about.startswith("# ")
    assert "aurorad " in about
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on nine rows, written once for the tests that read it."""
    folder = tmp_path_factory.mktemp("report")
    rows: list[tuple[Any, ...]] = []
    for n, (probability, verdict) in enumerate(
        [(0.9, "aurora"), (0.7, "aurora"), (0.1, "clear"), (0.3, "obscured"), (1.0, "aurora"), (0.0, "clear")]
    ):
        rows.append(("yk", f"2024-02-10T04:{n:02d}:00Z", probability, verdict, "night", "none", 10.0))
    rows.append(("yk", "2024-03-10T05:00:00Z", 0.2, "clear", "astronomical", "full", 180.0))
    rows.append(("yk", "2024-03-10T12:00:00Z", None, "not looked", "civil", "none", 20.0))
    rows.append(("yk", "2024-03-10T13:00:00Z", None, "stale", "night", "none", 20.0))
    write_report(fill(folder / "small.db", rows), folder / "out")
    return folder / "out"


def test_all_of_the_calendar_can_be_asked_for() -> None:
    """From its first day to its last: no date is two days too far."""
    first, last = frames._span(Wanted(None, date.min, date.max))
    assert first == "0001-01-01" < "2024-02-09T22:00:00Z" < last == "9999-12-31"


def test_aurora_by_level_and_form(tmp_path: Path) -> None:
    """Frames and their shares; a record without levels has no such table."""
    rows = [("yk", f"2024-02-10T04:{n:02d}:00Z", 0.9, "aurora", "night", "none", 10.0) for n in range(4)]
    path = fill(tmp_path / "a.db", rows)
    write_report(path, tmp_path / "none")
    assert not (tmp_path / "none" / "levels.csv").exists()
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE observations SET level = 5, forms = 'arc rays' WHERE observed_at LIKE '%:00:00Z'"
    )
    connection.execute("UPDATE observations SET level = 2, forms = '' WHERE level IS NULL")
    connection.commit()
    connection.close()
    write_report(path, tmp_path / "out")
    levels = {
        row["level"]: (row["aurora frames"], row["share"]) for row in read(tmp_path / "out" / "levels.csv")
    }
    forms = {row["form"]: row["aurora frames"] for row in read(tmp_path / "out" / "forms.csv")}
    assert (levels["5"], levels["2"]) == (("1", "0.25"), ("3", "0.75"))
    assert (forms["arc"], forms["rays"]) == ("1", "1")
    assert "6" not in levels
    assert "corona" not in forms


def test_the_thesis_s_own_counts_give_its_share_and_not_its_odds(tmp_path: Path) -> None:
    """61,013 of 214,890 is 28.4 %; the 39.3 % it prints is yes / no, and is called odds here."""
    assert percent(share(THESIS_AURORA, THESIS_FRAMES), 1) == "28.4 %"
    path = fill(tmp_path / "thesis.db", [])
    first = datetime(2022, 12, 1, tzinfo=UTC)
    said = [(0.9, "aurora")] * THESIS_AURORA + [(0.1, "clear")] * (THESIS_FRAMES - THESIS_AURORA)
    with closing(sqlite3.connect(path)) as connection, connection:
        put_rows(
            connection,
            FILLED,
            (
                ("yellowknife", utc_text(first + timedelta(minutes=n)), *one, "night", "none", 0, -30, -5)
                for n, one in enumerate(said)
            ),
        )
    write_report(path, tmp_path / "out", formats=())
    total = read(tmp_path / "out" / "table6_aurora.csv")[-1]
    assert (total["judged"], total["aurora"]) == ("214890", "61013")
    assert total["aurora share of judged"] == total["aurora share of observable"] == "0.2839"
    assert total["odds (yes / no)"] == "0.397"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "28.4 %" in page
    assert "39.3" not in page


def test_frames_are_counted_by_twilight_and_moonlight(written: Path) -> None:
    """Tables 2 and 3 count every frame that came, stale rows not; classes without frames are zeros."""
    table2 = read(written / "table2_twilight.csv")
    assert [(r["twilight"], r["frames"], r["share"]) for r in table2] == [
        ("night", "6", "0.75"),
        ("astronomical", "1", "0.125"),
        ("nautical", "0", "0.0"),
        ("civil", "1", "0.125"),
        ("day", "0", "0.0"),
        ("all", "8", "1.0"),
    ]
    table3 = read(written / "table3_moonlight.csv")
    assert [(r["moonlight"], r["frames"]) for r in table3] == [
        ("none", "6"), ("quarter", "0"), ("full", "0"), ("all", "6"),
    ]  # fmt: skip


def test_aurora_is_a_share_of_what_was_judged_and_of_what_could_be_seen(written: Path) -> None:
    """Cloud counts as judged and not as observable."""
    night, twilight, total = read(written / "table6_aurora.csv")
    assert (night["judged"], night["aurora"], night["obscured"]) == ("6", "3", "1")
    assert (night["aurora share of judged"], night["aurora share of observable"]) == ("0.5", "0.6")
    assert night["odds (yes / no)"] == "1.0"
    assert (twilight["twilight"], twilight["aurora share of judged"]) == ("astronomical", "0.0")
    assert total["judged"] == "7"


def test_probability_by_cell_has_the_right_mean_and_deviation(written: Path) -> None:
    """Figure 6's numbers equal a plain calculation; Figure 7's bins hold every frame, 1.0 in the last."""
    values = [0.9, 0.7, 0.1, 0.3, 1.0, 0.0]
    mean = sum(values) / 6
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / 6)
    [night, _] = read(written / "figure6_probability.csv")
    assert float(night["mean"]) == pytest.approx(mean, abs=1e-4)
    assert float(night["standard deviation"]) == pytest.approx(deviation, abs=1e-4)
    [bins, _] = read(written / "figure7_histogram.csv")
    assert sum(int(n) for name, n in bins.items() if "–" in name) == 6
    assert (bins["0.95–1.00"], bins["0.00–0.05"], bins["0.90–0.95"]) == ("1", "1", "1")


def test_the_visible_sky_is_measured_in_solid_angle(tmp_path: Path) -> None:
    """Stars around the zenith alone are a quarter of the sky; a single sector under cloud says nothing of the whole."""
    rows = [("yk", "2024-02-10T04:00:00Z", 0.1, "clear", "night", "none", 0.0),
            ("yk", "2024-02-10T04:01:00Z", 0.1, "obscured", "night", "none", 0.0)]  # fmt: skip
    path = fill(tmp_path / "stars.db", rows)
    with closing(sqlite3.connect(path)) as connection:
        for verdict, stars in (("clear", "0" * 16 + "9" * 8), ("obscured", "9" + "-" * 23)):
            connection.execute("UPDATE observations SET stars = ? WHERE verdict = ?", [stars, verdict])
        connection.commit()
        connection.row_factory = sqlite3.Row
        (frames,) = read_frames(connection, Wanted())
    assert frames.visible == pytest.approx([0.244, 0.0], abs=0.001)


def test_occurrence_is_normalised_by_observable_time(written: Path) -> None:
    """By hour, month, moonlight and phase: aurora over aurora and clear, cloud and shut gate left out."""
    hours = [list(row.values())[:5] for row in read(written / "occurrence_by_hour.csv")]
    assert hours == [["4", "3", "5.0", "1", "0.6"], ["5", "0", "1.0", "1", "0.0"]]
    assert [r["month"] for r in read(written / "occurrence_by_month.csv")] == ["2024-02", "2024-03"]
    assert [r["moonlight"] for r in read(written / "occurrence_by_moonlight.csv")] == ["none", "full"]
    assert [r["moon phase"] for r in read(written / "occurrence_by_phase.csv")] == ["000–030°", "150–180°"]


def test_a_camera_that_was_made_slower_keeps_its_older_nights(tmp_path: Path) -> None:
    """Rows of every 20 s, then a cadence of a minute: each of them still stands for 20 s, none is left out."""
    rows = [
        ("yk", f"2024-02-10T04:{n // 3:02d}:{n % 3 * 20:02d}Z", 0.1, "clear", "night", "none", 10.0)
        for n in range(180)
    ]
    path = fill(tmp_path / "a.db", rows)
    put_camera(path, cadence_s=60.0)
    frames = frames_of(path)
    assert np.diff(frames.at_s).tolist() == [20.0] * 179
    assert frames.hours(frames.judged) == pytest.approx(1.0)


def put_camera(path: Path, cadence_s: float) -> None:
    """What the record knows of the camera yk: its cadence is the one that was configured last."""
    with closing(sqlite3.connect(path)) as connection, connection:
        place = ("yk", "Y", 62.0, -114.0, 0.0, "UTC", cadence_s, None)
        connection.execute("INSERT INTO cameras VALUES (?, ?, ?, ?, ?, ?, ?, ?)", place)


def frames_of(path: Path) -> frames.Frames:
    """The frames of the one camera there is."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        (found,) = read_frames(connection, Wanted())
    return found


def hours_of(day: int, step_s: int, skies: str) -> list[tuple[Any, ...]]:
    """Rows from 04:00 on, so far apart; a letter of ``skies`` a row: Aurora, Clear, Obscured, ``.`` where a row is missing."""
    said = {"A": (0.9, "aurora"), "C": (0.1, "clear"), "O": (0.1, "obscured")}
    first = datetime(2024, 2, day, 4, tzinfo=UTC)
    return [
        ("yk", utc_text(first + timedelta(seconds=n * step_s)), *said[sky], "night", "none", 10.0)
        for n, sky in enumerate(skies)
        if sky != "."
    ]


def test_a_frame_counts_by_the_time_it_stands_for(tmp_path: Path) -> None:
    """An hour of aurora at five minutes and an hour of none at one minute are aurora half of the time, whatever the
    camera's cadence is today."""
    rows = [*hours_of(10, 300, "A" * 12), *hours_of(11, 60, "C" * 60)]
    for cadence_s in (20.0, 60.0, 300.0):
        path = fill(tmp_path / f"{cadence_s}.db", rows)
        put_camera(path, cadence_s)
        out = tmp_path / f"{cadence_s}"
        write_report(path, out, formats=())
        [hour] = read(out / "occurrence_by_hour.csv")
        assert (hour["aurora frames"], hour["observable frames"], hour["occurrence"]) == ("12", "72.0", "0.5")
        assert (hour["aurora (h)"], hour["observable (h)"]) == ("1.0", "2.0")
        total = read(out / "table6_aurora.csv")[-1]
        assert (total["judged"], total["judged (h)"], total["odds (yes / no)"]) == ("72", "2.0", "1.0")
        assert total["aurora share of judged"] == total["aurora share of observable"] == "0.5"
        assert next(row["share"] for row in read(out / "table2_twilight.csv")) == "1.0"
        nights = read(out / "nights.csv")
        assert [(row["cadence (s)"], row["aurora (h)"], row["judged (h)"]) for row in nights] == [
            ("300.0", "1.0", "1.0"), ("60.0", "0.0", "1.0"),
        ]  # fmt: skip
        page = (out / "report.html").read_text(encoding="utf-8")
        said = "Observed: 2.0 h in 2 nights, of which aurora could have been seen in 2.0 h. Aurora: 1.0 h."
        assert said in page


def test_a_night_counts_in_the_month_of_its_morning(tmp_path: Path) -> None:
    """The night of 31 January to 1 February is one of February, before UTC's midnight too, and the page says so."""
    rows = [
        ("yk", at, 0.1, "clear", "night", "none", 10.0)
        for at in (
            "2024-01-31T04:00:00Z",
            "2024-01-31T23:50:00Z",
            "2024-02-01T00:10:00Z",
            "2024-02-01T10:00:00Z",
        )
    ]
    write_report(fill(tmp_path / "a.db", rows), tmp_path, formats=())
    months = [(row["month"], row["observable frames"]) for row in read(tmp_path / "occurrence_by_month.csv")]
    assert months == [("2024-01", "1.0"), ("2024-02", "3.0")]
    assert "A night counts in the month of its morning." in (tmp_path / "report.html").read_text("utf-8")


def test_the_cadence_of_a_night_is_that_of_its_rows(tmp_path: Path) -> None:
    """Gaps do not make it slower, nor do looks at the first sign of aurora make it quicker; a night of two rows has
    the cadence of the camera, where none is known that of the other nights."""
    gaps = "CCCCCC....CC......CCCC.................CCCC"
    path = fill(tmp_path / "a.db", [*hours_of(10, 67, gaps), *hours_of(11, 20, "C..AAAC..AAAC..AAAC..AAAC")])
    with closing(sqlite3.connect(path)) as connection, connection:
        put_rows(connection, FILLED, [(*row, -30, 5) for row in hours_of(12, 1500, "CC")])

    def cadences() -> dict[int, float]:
        found = frames_of(path)
        return {day.day: float(found.stands_s[found.night == i][0]) for i, day in enumerate(found.nights)}

    assert cadences() == {10: 67.0, 11: 60.0, 12: 63.5}
    put_camera(path, cadence_s=120.0)
    assert cadences() == {10: 67.0, 11: 60.0, 12: 120.0}


def test_looks_between_two_cadences_are_not_counted(tmp_path: Path) -> None:
    """At the first sign of a spell the sky is looked at sooner, which must not make aurora commoner."""
    times = ("04:00:00", "04:01:00", "04:01:20", "04:01:40", "04:02:40", "04:03:39")
    rows = [
        ("yk", f"2024-02-10T{at}Z", 0.1, "clear" if n in (0, 5) else "aurora", "night", "none", 0.0)
        for n, at in enumerate(times)
    ]
    # A row that says that nothing was seen must not push out the movie's frame beside it.
    rows.append(("yk", "2024-02-10T04:02:20Z", None, "stale", "night", "none", 0.0))
    path = fill(tmp_path / "again.db", rows)
    with closing(Store(path)) as store:
        store.progress.register_camera(CameraSettings(name="yk").about())
    write_report(path, tmp_path, formats=())
    assert read(tmp_path / "table2_twilight.csv")[-1]["frames"] == "4"
    [hour] = read(tmp_path / "occurrence_by_hour.csv")
    assert (hour["aurora frames"], hour["observable frames"]) == ("2", "4.0")
    assert hour["hour (America/Yellowknife)"] == "21"


def test_the_page_shows_every_figure_and_each_is_a_picture(written: Path) -> None:
    """report.html needs no other file; each figure is there as PNG, SVG and PDF too, and the PNG decodes."""
    page = (written / "report.html").read_text(encoding="utf-8")
    pictures = sorted(written.glob("*.png"))
    assert len(pictures) == 6
    assert page.count('src="data:image/svg+xml;base64,') == 6
    assert 'src="' not in page.replace('src="data:', "")
    for file in pictures:
        assert f"({file.stem}.svg, .pdf, .png)" in page
        assert decode(file.read_bytes(), 10_000_000).shape[1] > 300
        assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert b"aurorad" in file.with_suffix(".svg").read_bytes()


def test_several_cameras_have_figures_of_their_own_and_hostile_names_do_nothing(tmp_path: Path) -> None:
    """Two sites are not averaged, and a name is neither a path nor a tag."""
    evil = "../<script>alert(1)</script>"
    rows = [
        (camera, "2024-02-10T04:00:00Z", 0.9, "aurora", "night", "none", 0.0) for camera in ("kiruna", evil)
    ]
    files = write_report(fill(tmp_path / "two.db", rows), tmp_path / "out", formats=())
    assert {file.parent for file in files} == {tmp_path / "out"}
    assert (tmp_path / "out" / "kiruna_table6_aurora.csv").is_file()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_night_of_cloud_only_is_no_division_by_zero(tmp_path: Path) -> None:
    """Nothing judged, nothing observable: tables with dashes, no figure of nothing."""
    rows = [
        ("yk", "2024-02-10T04:00:00Z", 0.1, "obscured", "night", "none", 0.0),
        ("yk", "2024-02-10T12:00:00Z", None, "not looked", "day", "none", 0.0),
    ]
    write_report(fill(tmp_path / "cloud.db", rows), tmp_path, formats=SVG)
    assert read(tmp_path / "table6_aurora.csv")[0]["aurora share of observable"] == ""
    assert not (tmp_path / "occurrence_by_hour.svg").exists()


def test_nights_that_are_all_alike_give_no_interval() -> None:
    """Three nights without aurora do not prove that there is never any, nor three of nothing else that there always is."""
    whole = np.full((3, 3), 10.0)
    hits = np.array([[0.0, 10.0, 1.0], [0.0, 10.0, 5.0], [0.0, 10.0, 9.0]])
    low, high = interval(hits, whole)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True, True, False]
    assert 0 < low[2] < 0.5 < high[2] < 1


def test_a_bar_without_an_interval_has_no_whiskers() -> None:
    """One of no length would claim that the share is certain."""
    columns = ("hour", "aurora frames", "observable frames", "nights", "occurrence", "low", "high", "aurora (h)",
               "observable (h)")  # fmt: skip
    rows = ((22, 0, 30.0, 3, 0.0, None, None, 0.0, 0.5), (23, 15, 30.0, 3, 0.5, 0.1, 0.9, 0.25, 0.5))
    bars, _ = figures._occurrence(Table("occurrence_by_hour", "", columns, rows)).axes
    [whiskers] = [one for one in bars.containers if isinstance(one, ErrorbarContainer)]
    ends = [np.asarray(cap.get_ydata(), dtype=float) for cap in whiskers.lines[1]]
    assert [np.isfinite(end).tolist() for end in ends] == [[False, True]] * 2


def test_one_is_no_plural() -> None:
    """One night of one frame, several of several."""
    assert Provenance("yk", "a night", 1, 1, ()).line.endswith("· 1 night, 1 frame")
    assert Provenance("yk", "two nights", 2, 20, ()).line.endswith("· 2 nights, 20 frames")


def test_a_hash_in_a_text_ends_no_row(tmp_path: Path) -> None:
    """What pandas' ``comment="#"`` skips is the first line alone."""
    (tmp_path / "a.csv").write_bytes(
        as_csv(
            Table("a", "Rows #1", ("event", "level"), (("roof #2-20240210", 3), ("plain", None))),
            Provenance("roof #2", "a night", 1, 1, ()),
        )
    )
    frame = pandas.read_csv(tmp_path / "a.csv", comment="#")
    assert list(frame["event"]) == ["roof #2-20240210", "plain"]
    assert frame["level"][0] == 3


def test_what_cannot_be_reported_is_one_line(tmp_path: Path) -> None:
    """No database, an empty one, another program's, a folder that is a file: each named, nothing written."""
    with pytest.raises(StoreError, match="there is no such database"):
        write_report(tmp_path / "no.db", tmp_path / "out")
    with pytest.raises(StoreError, match="no observations to report on"):
        write_report(fill(tmp_path / "empty.db", []), tmp_path / "out")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE a (b)")
    other.close()
    with pytest.raises(StoreError, match="was not written by aurorad"):
        write_report(tmp_path / "other.db", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    some = fill(tmp_path / "some.db", [("yk", "2024-02-10T04:00:00Z", 0.9, "aurora", "night", "none", 0.0)])
    with pytest.raises(AuroradError, match="the report cannot be written"):
        write_report(some, tmp_path / "some.db", formats=())


def test_aurora_is_counted_by_level_and_form_where_the_record_has_them(tmp_path: Path) -> None:
    """By the mask's level, not the colour rules', where any frame has it; a frame may show several forms."""
    rows = [("yk", f"2024-02-10T04:{n:02d}:00Z", 0.9, "aurora", "night", "none", 0.0) for n in range(4)]
    path = fill(tmp_path / "levels.db", rows)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE observations SET level = 3, colour_level = 1, forms = 'arc rays'")
        connection.execute(
            "UPDATE observations SET level = 6, forms = 'rays' WHERE observed_at LIKE '%:00:00Z'"
        )
        connection.execute(
            "INSERT INTO events (id, camera, onset_at, confirmed_at, ended_at, peak_probability, in_cool_down)"
            " VALUES ('e', 'yk', '2024-02-10T04:00:00Z', '2024-02-10T04:01:00Z', '2024-02-10T04:03:00Z', 0.9, 0)"
        )
        connection.commit()
    write_report(path, tmp_path / "out", formats=())
    assert [row["highest level"] for row in read(tmp_path / "out" / "events.csv")] == ["6"]
    levels = {row["level"]: row["aurora frames"] for row in read(tmp_path / "out" / "levels.csv")}
    assert {level: n for level, n in levels.items() if n != "0"} == {"3": "3", "6": "1"}
    assert [(row["form"], row["share"]) for row in read(tmp_path / "out" / "forms.csv")] == [
        ("arc", "0.75"), ("rays", "1.0"),
    ]  # fmt: skip


def test_an_event_left_open_has_the_highest_level_of_its_frames(tmp_path: Path) -> None:
    """Not that of its first frame alone, and none of an event after it."""
    rows = [("yk", f"2024-02-10T04:{n:02d}:00Z", 0.9, "aurora", "night", "none", 0.0) for n in range(6)]
    path = fill(tmp_path / "open.db", rows)
    with closing(sqlite3.connect(path)) as connection:
        for n, level in enumerate((1, 4, 5, 2, 6, 6)):
            connection.execute(
                "UPDATE observations SET level = ? WHERE observed_at = ?",
                [level, f"2024-02-10T04:{n:02d}:00Z"],
            )
        for onset, ended in ((0, None), (4, "2024-02-10T04:05:00Z")):
            connection.execute(
                "INSERT INTO events (id, camera, onset_at, confirmed_at, ended_at, peak_probability, in_cool_down)"
                " VALUES (?, 'yk', ?, ?, ?, 0.9, 0)",
                [str(onset), *(f"2024-02-10T04:{n:02d}:00Z" for n in (onset, onset + 1)), ended],
            )
        connection.commit()
    write_report(path, tmp_path / "out", formats=())
    events = read(tmp_path / "out" / "events.csv")
    assert [(row["end (UTC)"], row["highest level"]) for row in events] == [
        ("", "5"),
        ("2024-02-10T04:05:00Z", "6"),
    ]


def test_only_an_event_seen_from_beginning_to_end_has_a_duration(tmp_path: Path) -> None:
    """Aurora in the first frame, out of cloud, into cloud, at the footage's end: each lasted at least so long, no more
    is known. The table of events says how both ends are known, and the statistics leave these out."""
    skies = {4: "_AAACC", 5: "CAAACC", 6: "OAAACC", 7: "CAAAOO", 8: "CAAA__", 9: "aAAACC"}
    said = {"A": (0.9, "aurora"), "a": (0.9, "aurora"), "C": (0.1, "clear"), "O": (0.1, "obscured")}
    rows = [
        ("yk", f"2024-02-10T{hour:02d}:{n:02d}:00Z", *said[sky], "night", "none", 10.0)
        for hour, line in skies.items()
        for n, sky in enumerate(line)
        if sky != "_"
    ]
    path = fill(tmp_path / "ends.db", rows)
    with closing(sqlite3.connect(path)) as connection:
        for hour in skies:
            reason = "the footage ends" if hour == 8 else "below 0.25 for 15 min"
            connection.execute(
                "INSERT INTO events (id, camera, onset_at, confirmed_at, ended_at, ended_reason, peak_probability, in_cool_down)"
                " VALUES (?, 'yk', ?, ?, ?, ?, 0.9, 0)",
                [str(hour), *(f"2024-02-10T{hour:02d}:{n:02d}:00Z" for n in (1, 2, 4)), reason],
            )
        connection.commit()
    write_report(path, tmp_path / "out", formats=())
    events = read(tmp_path / "out" / "events.csv")
    assert [(row["onset known by"], row["end known by"]) for row in events] == [
        ("no frame before", "below 0.25 for 15 min"),
        ("clear sky before", "below 0.25 for 15 min"),
        ("cloud before", "below 0.25 for 15 min"),
        ("clear sky before", "below 0.25 for 15 min, under cloud"),
        ("clear sky before", "the footage ends"),
        ("aurora before", "below 0.25 for 15 min"),
    ]
    assert [row["duration (min)"] for row in events] == ["3.0"] * 6
    known = {row["of the events"]: row["known of"] for row in read(tmp_path / "out" / "event_statistics.csv")}
    assert known["duration (min)"] == "1"
    assert known["onset to confirmation (min)"] == "6"
