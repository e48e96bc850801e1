"""Keograms become skies whose colours and labels are the keogram's own."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from training.data.keogram import Cut, Span, cut_sky, draw_cut, greenness, read_keogram, read_labels

KEOGRAMS = Path(__file__).parents[3] / "../shared/data/auroramax/keograms"


def test_shipped_labels_are_sound() -> None:
    """Every span has a known label and sky, and no two spans of a night overlap."""
    spans = read_labels()
    rows: dict[str, set[int]] = defaultdict(set)
    for span in spans:
        own = set(range(span.row_from, span.row_to))
        assert not own & rows[span.night], f"{span} overlaps"
        rows[span.night] |= own
    assert len(rows) >= 60
    assert {span.label for span in spans} == {"aurora", "none", "obscured"}


@pytest.mark.parametrize(
    "line", ["2016-01-01,5,5,none,clear", "2016-01-01,5,9,maybe,clear", "2016-01-01,5,9,none,dark"]
)
def test_a_wrong_label_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    """An empty span, an unknown label or an unknown sky is an error that names file and line."""
    path = tmp_path / "labels.csv"
    path.write_text(f"night,row_from,row_to,label,sky\n{line}\n")
    with pytest.raises(ValueError, match=r"labels\.csv:2:"):
        read_labels(path)


def banded() -> np.ndarray:
    """A keogram, dark but for a green band at columns 80–90 in rows 100–200."""
    keogram = np.full((300, 120, 3), 20, np.uint8)
    keogram[100:200, 80:90] = (60, 200, 80)
    return keogram


def test_without_drift_a_band_of_the_slit_becomes_an_arc_across_the_sky() -> None:
    """The arc lies where the band crossed the slit, from side to side, and nowhere else."""
    sky = cut_sky(banded(), Cut(row=150, drift_rows=0, turn_deg=0), 120)
    green = sky[..., 1] > 120
    columns = np.flatnonzero(green[60])
    assert columns.min() >= 80
    assert columns.max() <= 92
    assert green[:, 85].sum() > 80
    assert not green[:, :70].any()


def test_with_drift_other_times_lie_beside_the_slit() -> None:
    """A drift of 100 rows a radius brings the band's end in time into the picture."""
    sky = cut_sky(banded(), Cut(row=150, drift_rows=100, turn_deg=0), 120)
    green = sky[:, 85, 1] > 120
    assert green[60]
    assert not green[100:115].any()
    assert not green[5:20].any()


def test_turning_the_slit_turns_the_sky() -> None:
    """A quarter turn puts the arc on the other axis."""
    sky = cut_sky(banded(), Cut(row=150, drift_rows=0, turn_deg=90), 120)
    assert (sky[85, :, 1] > 120).sum() > 80


def test_nothing_lies_outside_the_disc() -> None:
    """The corners are black and a cut is the same every time."""
    cut = Cut(row=150, drift_rows=20, turn_deg=33, bend=0.2, wave=(0.05, 3.0), seed=4)
    sky = cut_sky(banded() + 30, cut, 64)
    assert not sky[:8, :8].any()
    assert np.array_equal(sky, cut_sky(banded() + 30, cut, 64))


def test_a_drawn_cut_stays_in_its_span() -> None:
    """The slit's row and the drift to either side keep within the span."""
    rng = np.random.default_rng(0)
    span = Span("2016-01-01", 40, 60, "none")
    for _ in range(200):
        cut = draw_cut(rng, span)
        assert cut.row - abs(cut.drift_rows) + 1e-6 >= 40
        assert cut.row + abs(cut.drift_rows) <= 59 + 1e-6


def test_aurora_cuts_prefer_the_rows_that_are_green() -> None:
    """Of a span that is green for a third of its time, three cuts in four and more are green."""
    keogram = banded()
    green = greenness(keogram)
    assert green[150] > 50 > green[20]
    rng = np.random.default_rng(0)
    span = Span("2016-01-01", 0, 300, "aurora")
    hits = [green[round(draw_cut(rng, span, green).row)] > 50 for _ in range(200)]
    assert np.mean(hits) > 0.6


@pytest.mark.skipif(not KEOGRAMS.exists(), reason="the real keograms are not here (../shared/data)")
def test_labelled_aurora_is_greener_than_labelled_cloud() -> None:
    """On the real keograms the labels order the nights' greenness: aurora over obscured, ROC area 0.9."""
    from sklearn.metrics import roc_auc_score

    values, truth = [], []
    for span in read_labels()[::6]:
        if span.label == "none":
            continue
        green = greenness(read_keogram(KEOGRAMS, span.night))
        values.append(float(np.quantile(green[span.row_from : span.row_to], 0.9)))
        truth.append(span.label == "aurora")
    assert roc_auc_score(truth, values) > 0.9
