"""Every way aurorad says no.

    AuroradError                 base: one line that names what is wrong and how to fix it
    ├── ConfigError              the configuration cannot be used                 (exit 2)
    ├── UsageError               the command was called wrongly                   (exit 2)
    ├── ReasonedError            counted by .reason; made of a reason and a message
    │   ├── FootageError         what came in cannot be used
    │   │   ├── FetchError       the network or the server                        (retried)
    │   │   ├── PictureError     bytes that are not the picture they claim to be
    │   │   ├── MovieError       a movie that cannot be opened or read
    │   │   └── ClockError       no time can be established
    │   ├── StoreError           the database cannot be opened, read or written
    │   └── FeedError            a feed of space weather sent what cannot be used
    ├── CalibrationError         the stars do not give the camera's lens
    ├── ModelError               model file missing, altered, or of the wrong shape
    └── DeliveryError            a message was not taken by its channel           (retried)

A room translates foreign exceptions into these at its own edge, and raises; what a failure
means for the night is decided in one place, :mod:`daemon.pipeline`.
"""

from typing import Any

from daemon.text import one_line


class AuroradError(Exception):
    """Base of all errors raised on purpose. ``str(error)`` is one line for a person, whatever is in a name."""

    exit_code = 1

    def __str__(self) -> str:
        return one_line(super().__str__())

    @property
    def lines(self) -> tuple[str, ...]:
        """The error as lines for a terminal: one, but where several faults are listed together."""
        return (str(self),)


class ConfigError(AuroradError):
    """The configuration cannot be used; one fault or several, each naming the key and how to fix it."""

    exit_code = 2

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each fault."""
        return self.faults


class UsageError(AuroradError):
    """The command was called wrongly."""

    exit_code = 2


class ReasonedError(AuroradError):
    """An error that is also counted: ``reason`` is a short fixed word, the message carries the details."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """As two arguments again: one that cannot come back from a worker process breaks the whole pool in its place."""
        return type(self), (self.reason, *self.args), self.__dict__


class FootageError(ReasonedError):
    """Input that cannot be used.

    ``reason`` (``"truncated"``, ``"not an image"``, ``"too large"``, …) is a metric's label and a row's reason.
    """


class FetchError(FootageError):
    """The server or the network did not give the footage."""


class PictureError(FootageError):
    """Bytes that are not the picture they claim to be."""


class MovieError(FootageError):
    """A movie that cannot be opened or read."""


class ClockError(FootageError):
    """No time can be established for a frame or a movie."""


class CalibrationError(AuroradError):
    """The stars of a picture do not give the camera's lens; says what would help."""


class ModelError(AuroradError):
    """A model file that is missing, altered, or of the wrong shape."""


class StoreError(ReasonedError):
    """The database cannot be opened, read or written.

    ``reason`` is ``"missing"``, ``"unwritable"``, ``"locked"``, ``"full"``, ``"damaged"``, ``"moved"``,
    ``"newer"``, ``"older"``, ``"foreign"``, ``"empty"``, ``"not allowed"`` or ``"failed"``.
    """


class FeedError(ReasonedError):
    """A feed of space weather sent what cannot be used."""


class DeliveryError(AuroradError):
    """A message was not taken by its channel. ``passes``: it may be the message, and the next one is to be tried."""

    def __init__(self, message: str, *, passes: bool = False) -> None:
        super().__init__(message)
        self.passes = passes
