"""Text on its way to a person: one line whatever is in a name, a sentence with its values filled in, a CSV table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Protocol, TextIO


class Say(Protocol):
    """Gives a sentence in a reader's language, with its ``%(name)s`` filled in."""

    def __call__(self, text: str, **values: object) -> str:
        """The sentence."""


def english(text: str, **values: object) -> str:
    """The sentence as it stands in the code."""
    return text % values if values else text


def counted(count: int, one: str) -> str:
    """``1 night``, ``2 nights``: how many of something, in English."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def for_a_table(value: object) -> object:
    """A cell's value for a file of tables: text that a spreadsheet would take for a formula is marked as text."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def write_table(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """A CSV table with its heading; None is an empty cell. Returns how many rows there were.

    A row with a ``#`` has its texts in quotes: one outside quotes ends the line for pandas' ``comment="#"`` and for R.
    """
    plain = csv.writer(file, lineterminator="\n")
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    count = -1  # the heading is no row
    for row in chain([columns], rows):
        hash_within = any(isinstance(value, str) and "#" in value for value in row)
        (quoted if hash_within else plain).writerow(row)
        count += 1
    return count


def one_line(text: str) -> str:
    r"""``text`` with all that is no printable character escaped.

    A newline would forge a line of the log; a byte that is no UTF-8 (a surrogate, as Python reads file
    names) fits into no database, page or terminal: it becomes ``\xff``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
