"""Text from outside on its way to a person: one line, whatever somebody put into a name."""

from __future__ import annotations


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
