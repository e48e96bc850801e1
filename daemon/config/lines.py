"""On which line of a TOML file a key stands. Pure; for files that :mod:`tomllib` has accepted.

tomllib tells the line of what is no TOML, and forgets where everything else stood. An operator with forty
keys needs the line all the same, so the text is gone through once more, statement by statement.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from daemon.config.faults import Where

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'|"
    r"#[^\n]*|[\[\]{}=\n]",
    re.S,
)
"""What a statement's end depends on: texts and comments (whose brackets do not count), brackets, line ends."""


def line_of(where: Where, lines: Mapping[Where, int]) -> int | None:
    """The line of a key, of the nearest table around it where the key does not stand in the file, or None."""
    for length in range(len(where), 0, -1):
        if where[:length] in lines:
            return lines[where[:length]]
    return None


def lines_of(text: str) -> dict[Where, int]:
    """Path of each table and key → its line, counted from 1."""
    lines: dict[Where, int] = {}
    arrays: dict[Where, int] = {}  # how many [[tables]] of that name there were
    table: Where = ()
    for number, statement, equals in _statements(text):
        try:
            if equals is None:
                table = _header(statement, arrays)
                lines.setdefault(table, number)
            else:
                lines[table + _path(tomllib.loads(f"{statement[:equals]} = 0"))] = number
        except tomllib.TOMLDecodeError:
            continue  # no line is better than a wrong one
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, int | None]]:
    """(line, text, place of the first ``=`` outside texts) of each statement; comments are none."""
    begin, depth, equals, number, first = 0, 0, None, 1, 1
    for token in _TOKEN.finditer(text + "\n"):
        found = token.group()
        if found == "\n" and depth == 0:
            statement = text[begin : token.start()].strip()
            if statement and not statement.startswith("#"):
                shift = len(text[begin : token.start()]) - len(text[begin : token.start()].lstrip())
                yield first, statement, None if equals is None else equals - begin - shift
            begin, equals, first = token.end(), None, number + 1
        elif found in "[{":
            depth += 1
        elif found in "]}":
            depth = max(0, depth - 1)
        elif found == "=" and equals is None and depth == 0:
            equals = token.start()
        number += found.count("\n")


def _header(statement: str, arrays: dict[Where, int]) -> Where:
    """The path of ``[a.b]`` or ``[[a]]``, with the numbers of the arrays of tables in it."""
    name = statement.partition("#")[0].strip() if '"' not in statement else statement
    path = _path(tomllib.loads(name))
    where: Where = ()
    double = statement.startswith("[[")
    if double:
        path = tuple(part for part in path if not isinstance(part, int))
    for place, part in enumerate(path):
        where = (*where, part)
        if double and place == len(path) - 1:
            arrays[where] = arrays.get(where, -1) + 1
        if where in arrays:
            where = (*where, arrays[where])
    return where


def _path(tables: Any) -> Where:
    """The path to the only leaf of nested tables."""
    path: list[str | int] = []
    while isinstance(tables, (dict, list)) and tables:
        name, tables = next(iter(tables.items())) if isinstance(tables, dict) else (0, tables[0])
        path.append(name)
    return tuple(path)
