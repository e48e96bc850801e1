"""The first picture of a stream of pictures (``multipart/x-mixed-replace``, MJPEG), as many cameras give it."""

from __future__ import annotations

from email.message import Message

MOST_HEADER = 8_192
"""Bytes of a part's own header lines, and of what comes before the first part."""


class FirstPicture:
    """Takes a stream's chunks until its first picture is whole."""

    def __init__(self, boundary: bytes) -> None:
        self._boundary = boundary if boundary.startswith(b"--") else b"--" + boundary
        self._got = bytearray()
        self._begins: int | None = None
        self._length: int | None = None
        self.whole: bytes | None = None
        """The picture's bytes, once they are all there."""

    @classmethod
    def of(cls, content_type: str) -> FirstPicture | None:
        """For an answer of that Content-Type; None where it is no such stream."""
        message = Message()
        message["Content-Type"] = content_type.strip()
        if message.get_content_type() != "multipart/x-mixed-replace":
            return None
        try:
            boundary = message.get_boundary("")
        except ValueError:  # a server may name any codec for it, some of which cannot take what it sends
            return None
        return cls(boundary.encode("latin-1", "replace")) if boundary else None

    def take(self, chunk: bytes) -> bool:
        """Take a chunk; True once the picture is whole, or there will be none."""
        searched = max(0, len(self._got) - len(self._boundary) - 2)
        self._got += chunk
        if self._begins is None and not self._read_header():
            return len(self._got) > 2 * MOST_HEADER
        assert self._begins is not None
        if self._length is not None:
            end = self._begins + self._length
            end = end if end <= len(self._got) else -1
        else:
            end = self._got.find(b"\r\n" + self._boundary, max(self._begins, searched))
        if end < 0:
            return False
        self.whole = bytes(self._got[self._begins : end])
        return True

    def _read_header(self) -> bool:
        """The part's header lines, once they are whole: where the picture begins and, where told, its length."""
        at = self._got.find(self._boundary, 0, MOST_HEADER)
        end = self._got.find(b"\r\n\r\n", at) if at >= 0 else -1
        if end < 0:
            return False
        for line in bytes(self._got[at:end]).split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit():
                self._length = int(value.strip()[:12])
        self._begins = end + 4
        return True
