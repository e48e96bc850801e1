"""What an ONNX file holds, as far as safety needs it: whether its numbers all lie within it.

A tensor may name another file for its values ("external data"), which no card's sha256 covers. The file
is Protocol Buffers; only the fields in which a tensor can lie are followed (onnx.proto3), so that neither
the onnx package nor a runtime is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from models.card import ModelError

WITHIN: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Message → field number → the message that lies there."""

EXTERNAL_DATA, DATA_LOCATION = 13, 14
"""Fields of a tensor: where its values lie, and that they lie elsewhere."""


def must_be_whole(data: bytes) -> None:
    """Raise ModelError where a tensor's values lie in another file, or the file cannot be read."""
    todo = [("model", memoryview(data))]
    while todo:
        kind, message = todo.pop()
        for number, value in _fields(message):
            if kind == "tensor" and (number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0)):
                raise ModelError(
                    "it keeps weights in another file, which its card does not vouch for: "
                    "export it again with everything in one file"
                )
            inner = WITHIN[kind].get(number)
            if inner is not None and isinstance(value, memoryview):
                todo.append((inner, value))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, number or bytes) of a message, in order."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        length, at = {1: (8, at), 5: (4, at)}.get(kind) or (_varint(message, at) if kind == 2 else (-1, at))
        if length < 0 or at + length > len(message):
            raise ModelError("it is not an ONNX file")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ModelError("it is not an ONNX file")
