"""docs/faults.md is what the tests measured, and nobody's words beside."""

from __future__ import annotations

import re

import pytest

from tests.faults.__main__ import FAMILIES, HEAD, PAGE, ROOT, lines_of, page


def test_the_page_says_what_was_measured() -> None:
    """Written by its command: the promises as they stand there, every family of faults, no cell empty."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    lines = lines_of(text)
    assert {line["family"] for line in lines} == set(FAMILIES)
    assert all(all(line.values()) for line in lines)
    assert lines_of(page(lines)) == lines


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:tests/[\w/]+/)?test_\w+\.py)`", HEAD))))
def test_every_promise_names_a_test_there_is(name: str) -> None:
    """A promise without its test is a wish."""
    assert (ROOT / name).is_file() or (ROOT / "tests/faults" / name).is_file()
