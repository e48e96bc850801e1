"""The comparison as a whole, in miniature: rows kept as they come, reasons in place of failures, the table, the docs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from daemon.errors import AuroradError
from training.compare import command, papers
from training.compare.bench import Bench, Outcome
from training.compare.methods import METHODS
from training.compare.plan import QUICK, Plan
from training.compare.rows import Method, Row, claim, run_row
from training.compare.table import markdown, placing, put_table

ROOT = Path(__file__).parents[3]
TINY = replace(QUICK, scenes=3, judged_scenes=2, nights=1, hours=0.05, stride=1, timed=2)
SKILL = {"balanced_accuracy": 0.9, "balanced_accuracy_95": [0.8, 1.0], "roc_area": 0.95}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, Plan(TINY))


def method(run: Any, key: str = "one") -> Method:
    return Method(key, "A method", "somebody 2020", "smaller", run)


def test_a_row_is_run_once(bench: Bench) -> None:
    """What is kept is not run again, and says the same."""
    calls = []

    def run(bench: Bench) -> Outcome:
        calls.append(1)
        return Outcome({"real": SKILL}, {"mig": {"mean": 0.1}}, 12.5, 3.0)

    first = run_row(method(run), bench)
    assert run_row(method(run), bench) == first
    assert calls == [1]
    assert first.sets == {"real": SKILL}


def test_a_row_that_fails_is_a_row_with_its_reason(bench: Bench) -> None:
    """The reason is one line, the others go on, and the next run tries it again."""

    def fails(bench: Bench) -> Outcome:
        raise RuntimeError("no weights\nhere")

    row = run_row(method(fails), bench)
    assert (row.reason, row.sets) == ("no weights here", {})
    assert run_row(method(lambda bench: Outcome(frames_per_second=1.0)), bench).reason == ""


def test_two_comparisons_do_not_share_a_folder(tmp_path: Path) -> None:
    """Another size or seed in the same folder is refused; the same goes on."""
    claim(tmp_path, Plan(TINY))
    claim(tmp_path, Plan(TINY))
    with pytest.raises(ValueError, match="give another --out"):
        claim(tmp_path, Plan(TINY, seed=2))


def row(key: str, real: float, speed: float, reason: str = "") -> Row:
    sets = {} if reason else {"real": {**SKILL, "balanced_accuracy": real}}
    return Row(key, f"method {key}", "paper", "smaller", 1.0, reason, sets, {}, speed, 2.0)


def test_the_table_says_where_ours_is_not_first() -> None:
    """A better row is named, and whether it is as fast; without one ours is first."""
    ours, slow, fast = row("shipped", 0.9, 40), row("slow", 0.95, 5), row("fast", 0.92, 400)
    assert "not first" in placing([ours, slow, fast])[0]
    assert (
        "method slow (0.950), method fast (0.920); as fast or faster: method fast."
        in placing([ours, slow, fast])[0]
    )
    assert "none of them as fast" in placing([ours, slow])[0]
    assert "first of 2" in placing([ours, row("worse", 0.5, 1)])[0]


def test_the_table_holds_every_row() -> None:
    """Skill with its interval, speed, size; and what was not run, with its reason."""
    text = markdown([row("shipped", 0.9, 40), row("bad", 0, 0, "no data")], {}, {"threads": 1})
    assert "| method shipped | 0.900 (0.800–1.000) / 0.950 | – | – | 40 | 2 |" in text
    assert "- method bad: no data" in text


def test_a_page_takes_the_table(tmp_path: Path) -> None:
    """Between its mark and the next heading, the last table away; a page without the mark is refused."""
    page = tmp_path / "page.md"
    page.write_text("# A\n\n<!-- table -->\nold\n\n## B\n\nmore\n")
    for text in ("| first |\n", "| second |\n"):
        put_table(page, text)
    assert page.read_text() == "# A\n\n<!-- table -->\n\n| second |\n\n## B\n\nmore\n"
    page.write_text("# A\n")
    with pytest.raises(ValueError, match="has no line <!-- table -->"):
        put_table(page, "")


def test_the_command_runs_goes_on_and_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that need nothing here are run and kept; one that lacks its pictures is a row with its reason."""
    monkeypatch.setattr(command, "QUICK", TINY)
    out = tmp_path / "out"
    only = ["--only", "colour-ours", "--only", "kvammen-knn", "--only", "thesis-b1"]
    result = CliRunner().invoke(command.compare, ["--out", str(out), "--quick", *only])
    assert result.exit_code == 0, result.output
    rows = {one["key"]: one for one in json.loads((out / "table.json").read_text())["rows"]}
    run = {key for key, one in rows.items() if not one["reason"].startswith("not run; --only")}
    assert run == {"colour-ours", "kvammen-knn", "thesis-b1"}
    assert rows["colour-ours"]["sets"]["nights"]["frames"] > 0
    assert rows["colour-ours"]["frames_per_second"] > 0
    assert "give --real and --keograms" in rows["thesis-b1"]["reason"]
    kept = (out / "rows" / "colour-ours.json").stat().st_mtime_ns
    again = CliRunner().invoke(command.compare, ["--out", str(out), "--quick", *only])
    assert again.stdout == result.stdout == (out / "table.md").read_text() + "\n"
    assert (out / "rows" / "colour-ours.json").stat().st_mtime_ns == kept


def test_a_wrong_row_names_the_right_ones(tmp_path: Path) -> None:
    """An unknown --only is wrong use, and says what there is."""
    result = CliRunner().invoke(command.compare, ["--out", str(tmp_path), "--only", "nonsense"])
    assert result.exit_code == 2
    assert "clausen-ridge" in result.output


# ------------------------------------------------------------------------------- the papers' own data


def picture(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 40, 3), colour, np.uint8))


@pytest.fixture
def oath(tmp_path: Path) -> Path:
    """Twelve pictures in OATH's layout, two of each class."""
    folder = tmp_path / "oath"
    for number in range(1, 13):
        picture(folder / f"images/cropped_scaled/{number:05d}.png", (number * 9, 20, 60))
    lines = [
        "# remarks",
        "picNum,class2,class6",
        *(f"{n:05d},{int((n - 1) // 2 > 2)},{(n - 1) // 2}" for n in range(1, 13)),
    ]
    (folder / "classification").mkdir()
    (folder / "classification/classification.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_oath_is_read_with_its_split(oath: Path) -> None:
    """Numbers, six classes, and who learns, by words or by order; without a table it is drawn, and said."""
    data = papers.read_oath(oath)
    assert data.pictures.shape == (12, 240, 240, 3)
    assert data.kind.tolist() == [n // 2 for n in range(12)]
    assert data.split.startswith("drawn")
    split = oath / "classification/train_test_split.csv"
    split.write_text("".join(f"{n},{'test' if n % 2 else 'train'}\n" for n in range(1, 13)))
    assert papers.read_oath(oath).train.tolist() == [n % 2 == 0 for n in range(1, 13)]
    split.write_text("".join(f"{n}\n" for n in range(12, 0, -1)))
    assert papers.read_oath(oath).train.tolist() == [n > 4 for n in range(1, 13)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("classification/classification.csv", "not the unpacked OATH archive"),
        ("images/cropped_scaled/00003.png", "00003.png: No such file"),
    ],
)
def test_what_is_missing_of_oath_is_named(oath: Path, spoil: str, words: str) -> None:
    """One line that says what is not there."""
    (oath / spoil).unlink()
    with pytest.raises((ValueError, AuroradError), match=words):
        papers.read_oath(oath)


def test_kvammen_is_a_folder_of_classes(tmp_path: Path) -> None:
    """Each folder with pictures is a class, seven tenths of it are learned from."""
    for name in ("arcs", "breakup", "faint"):
        for number in range(10):
            picture(tmp_path / name / f"{number}.jpg", (10, 20, 30))
    data = papers.read_kvammen(tmp_path)
    assert data.classes == ("arcs", "breakup", "faint")
    assert [int(data.train[data.kind == one].sum()) for one in range(3)] == [7, 7, 7]
    with pytest.raises(ValueError, match="one folder for each class"):
        papers.read_kvammen(tmp_path / "arcs")


def test_a_papers_data_is_judged_by_its_split(
    oath: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every head has its figures on the frames not learned from, the shipped model on aurora or none."""
    monkeypatch.setattr(papers, "pretrained", lambda: None)
    monkeypatch.setattr(
        papers, "encoder", lambda net: lambda pictures: pictures[:, 120, 100:110, 0].astype(float)
    )
    monkeypatch.setattr(papers, "open_model", lambda bench: None)
    monkeypatch.setattr(papers, "margins", lambda model, pictures: np.ones(len(pictures)))
    (oath / "classification/train_test_split.csv").write_text(
        "".join(f"{n},{'test' if n % 2 else 'train'}\n" for n in range(1, 13))
    )
    data = papers.read_oath(oath)
    monkeypatch.setattr(papers.heads, "neighbour_classes", papers.heads.ridge_classes)
    found = papers.judge(bench, data)
    assert found["features and ridge"]["frames"] == 6
    assert found["shipped model, aurora or none, nothing learned from OATH"]["balanced_accuracy"] == 0.5
    assert found["published"].startswith("82 %")


# ------------------------------------------------------------------------------------------- the docs


def test_every_option_and_every_row_is_documented() -> None:
    """docs/compare.md names each option with its meaning, and each row in its table."""
    page = (ROOT / "docs/compare.md").read_text(encoding="utf-8")
    for parameter in command.compare.params:
        assert isinstance(parameter, click.Option)
        assert f"`{parameter.opts[0]}" in page
        assert parameter.help or parameter.name == "seed"
    for one in METHODS:
        assert f"`{one.key}`" in page, one.key
        assert one.title in page
    assert "aurorad-train compare" in (ROOT / "training/README.md").read_text(encoding="utf-8")
