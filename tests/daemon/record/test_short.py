"""Numbers and words kept short come back from SQLite as they were."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import Any, get_args

import pytest

from daemon.observation import Drift, Moonlight, Spread, Trend, Twilight, Verdict
from daemon.record.columns import COLUMNS
from daemon.record.short import Decimal, Hundredths, Short, Words
from models.labels import FORMS

SHARES = " ".join(
    f"{name}:{share:.2f}" for name, share in zip(FORMS, (0, 1, 0.29, 0.07, 0.57, 0.5), strict=True)
)
FORMS_SHORT = Hundredths(*FORMS)
TWO = Words("poleward", "equatorward")
VALUES: list[tuple[Short, Any]] = [
    *((Decimal(digits), round(number, digits)) for digits in (1, 2, 4, 6) for number in (0.0, 0.1, -31.1234, 83.254321, 1e6)),
    *((Decimal(6), number / 1e6) for number in range(0, 1_000_001, 997)),
    *((TWO, word) for word in ("poleward", "equatorward", "sideways", "")),
    *((FORMS_SHORT, text) for text in (SHARES, "arc:0.93 rays:0.71", "", "corona:1.00")),
    *((short, None) for short in (Decimal(2), TWO, FORMS_SHORT)),
]  # fmt: skip


def through_sqlite(short: Short, value: Any, *, by_sql: bool) -> Any:
    """What a computed column gives of a value that Python, or SQL alone, has kept short."""
    kept = short.write("?") if by_sql else "?"
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(
            f"CREATE TABLE one (a_kept {short.sql}, a GENERATED ALWAYS AS ({short.read('a_kept')}) VIRTUAL)"
        )
        db.execute(
            f"INSERT INTO one (a_kept) SELECT {kept.replace('?', 'given')} FROM (SELECT ? AS given)",
            [value if by_sql else short.kept(value)],
        )
        return db.execute("SELECT a FROM one").fetchone()[0]


@pytest.mark.parametrize("by_sql", [False, True], ids=["written", "upgraded"])
def test_every_value_comes_back_as_the_same(by_sql: bool) -> None:
    """To the last bit; a word that has no number, and shares of other names, as they are."""
    assert [through_sqlite(short, value, by_sql=by_sql) for short, value in VALUES] == [
        value for _, value in VALUES
    ]


def test_what_is_no_number_is_none() -> None:
    """As SQLite has always kept it."""
    assert [Decimal(2).kept(value) for value in (math.nan, math.inf, -math.inf)] == [None] * 3


def test_the_words_of_today_have_numbers() -> None:
    """All of them, so that a row of this release is short; the number of each is the schema's for good."""
    words = {column.name: column.short.words for column in COLUMNS if isinstance(column.short, Words)}
    today = {"verdict": Verdict, "twilight": Twilight, "moonlight": Moonlight, "trend": Trend, "drift": Drift, "spread": Spread}  # fmt: skip
    assert {name: set(found) for name, found in words.items()} == {
        name: set(get_args(literal)) for name, literal in today.items()
    }
    (forms,) = (column.short.names for column in COLUMNS if isinstance(column.short, Hundredths))
    assert forms == FORMS
