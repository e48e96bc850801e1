"""How the record keeps numbers and words short: as whole numbers, which SQLite stores in as many bytes as they need.

A column ``name`` that is kept short is computed by SQLite from a column ``name_kept``, so that a query finds
``probability`` and ``verdict`` where it looks for them. Kept as they are, the two thirds of a row that are
numbers and a few words said again and again took half as much again on the disk.

What a number or a word is kept as is fixed once a schema with it is released. What has none, such as a word that
came later, is kept as it is and read so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

Value = str | int | float | bytes | None


class Short(Protocol):
    """One way of keeping a column's values short."""

    @property
    def sql(self) -> str:
        """The type of the column that keeps them; empty where texts may stand beside numbers."""
        ...

    def kept(self, value: Value) -> Value:
        """What stands for a value."""
        ...

    def read(self, kept: str) -> str:
        """SQL for the value that the column ``kept`` stands for."""
        ...

    def write(self, value: str) -> str:
        """SQL for what stands for the value in the column ``value``."""
        ...


@dataclass(frozen=True)
class Decimal:
    """A number with so many decimals: two bytes up to 32,767 of its last digits, three to 8,388,607."""

    digits: int

    sql = "INTEGER"

    def kept(self, value: Value) -> Value:
        """A number in units of its last digit; none where it is not finite."""
        assert value is None or isinstance(value, int | float)
        return None if value is None or not math.isfinite(value) else round(value * 10**self.digits)

    def read(self, kept: str) -> str:
        """Divided as Python rounds: the same double."""
        return f"{kept} / 1e{self.digits}"

    def write(self, value: str) -> str:
        """Rounded; none of what no whole number can stand for: a text, or what is not finite."""
        whole = f"CAST(round({value} * 1e{self.digits}) AS INTEGER)"
        return f"CASE WHEN typeof({value}) IN ('integer', 'real') AND abs({value}) < 9e{18 - self.digits} THEN {whole} END"


class Words:
    """One of a few words, by its place among them; 0 and 1 take no byte."""

    sql = ""

    def __init__(self, *words: str) -> None:
        self.words = words

    @property
    def longest(self) -> int:
        """Letters of the longest word."""
        return max(map(len, self.words))

    def kept(self, value: Value) -> Value:
        """A word's place, or a word that has none."""
        return self.words.index(value) if isinstance(value, str) and value in self.words else value

    def read(self, kept: str) -> str:
        """The word at that place."""
        whens = " ".join(f"WHEN {place} THEN '{word}'" for place, word in enumerate(self.words))
        return f"CASE {kept} {whens} ELSE {kept} END"

    def write(self, value: str) -> str:
        """Its place."""
        whens = " ".join(f"WHEN '{word}' THEN {place}" for place, word in enumerate(self.words))
        return f"CASE {value} {whens} ELSE {value} END"


class Hundredths:
    """``name:0.12 …``: a share for each of some names, as one number of base 101, the first name's last."""

    sql = ""

    def __init__(self, *names: str) -> None:
        self.names = names

    @property
    def longest(self) -> int:
        """Letters of every text."""
        return len(" ".join(f"{name}:{1:.2f}" for name in self.names))

    def kept(self, value: Value) -> Value:
        """One number for the shares of just these names in this order; any other text as it is."""
        pairs = [pair.split(":") for pair in value.split()] if isinstance(value, str) else []
        if [pair[0] for pair in pairs] != [*self.names]:
            return value
        shares = [round(100 * float(share)) for _, share in pairs]
        return sum(share * int(101**place) for place, share in enumerate(shares))

    def read(self, kept: str) -> str:
        """The text."""
        shares = ", ".join(f"{kept} / {101**place} % 101 / 100.0" for place in range(len(self.names)))
        text = " ".join(f"{name}:%.2f" for name in self.names)
        return f"CASE typeof({kept}) WHEN 'integer' THEN printf('{text}', {shares}) ELSE {kept} END"

    def write(self, value: str) -> str:
        """The text itself, which is read as well: SQL does not take it apart."""
        return value
