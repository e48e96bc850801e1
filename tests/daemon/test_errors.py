"""Errors on their way to a person, and from process to process."""

from __future__ import annotations

import pickle

import pytest

from daemon.errors import ClockError, FeedError, FetchError, PictureError, ReasonedError, StoreError


@pytest.mark.parametrize("kind", [PictureError, FetchError, ClockError, StoreError, FeedError])
def test_an_error_comes_back_from_a_worker_whole(kind: type[ReasonedError]) -> None:
    """With its reason: a pool whose error cannot be read says only that a process was terminated abruptly."""
    error = kind("unreadable", "night.jpg: no such file")
    error.add_note("of the third")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.reason, str(back)) == (kind, "unreadable", "night.jpg: no such file")
    assert back.__notes__ == ["of the third"]
