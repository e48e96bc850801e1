"""[camera.source]: where the pictures come from, and what dates them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from daemon.config.bounds import (
    FilePath,
    Fingerprint,
    Number,
    Pattern,
    Secret,
    Table,
    Text,
    WebAddress,
    Whole,
    Zone,
    number,
)
from daemon.config.faults import Fault, Inconsistent


class SourceSettings(Table):
    """[camera.source]: where footage comes from."""

    kind: Literal["auroramax", "url", "folder"] = Field(
        "auroramax",
        description="`auroramax`: live still and night movie; `url`: any address of a JPEG, PNG or WebP picture, or of an MJPEG stream; `folder`: pictures another program writes.",
    )
    url: WebAddress = Field(
        "https://auroramax.phys.ucalgary.ca/recent/recent_720p.jpg", description="Address of the live still."
    )
    login: Secret = Field(
        "",
        description="Login of the server of `url`, as `user:password`; `env:` or `credential:` reference. Basic or Digest, whichever the server wants.",
    )
    ca_file: FilePath | None = Field(
        None,
        description="PEM file of the authority that signed the server's certificate, where it is your own.",
    )
    certificate_sha256: Fingerprint = Field(
        "",
        description="Fingerprint of the one certificate taken, for a server that signed its own; `aurorad doctor` shows it.",
    )
    movie_url: WebAddress = Field(
        "https://data.phys.ucalgary.ca/sort_by_project/AuroraMAX/rt-movies/mp4/{yyyy}/{mm}/{dd}/auroramaxHD_{yyyy}{mm}{dd}_720p.mp4",
        description="Address of the night movie, `{yyyy} {mm} {dd}` the date of the night's morning; empty: no movies.",
    )
    movie_url_alternatives: tuple[WebAddress, ...] = Field(
        (
            "https://data.phys.ucalgary.ca/sort_by_project/AuroraMAX/rt-movies/mp4/{yyyy}/{mm}/{dd}/yknf_slr-12/auroramaxHD_{yyyy}{mm}{dd}_720p.mp4",
        ),
        max_length=10,
        description="Other addresses tried when the first has no movie.",
    )
    path: FilePath | None = Field(None, description="Folder to watch, for kind `folder`.")
    pattern: Pattern = Field("*.jpg", description="File names taken from the folder.")
    time_from: Literal["stamp", "name", "header"] = Field(
        "stamp",
        description="What dates a picture: its stamp, the time in its file name, or Last-Modified / the file's own time.",
    )
    name_format: Text = Field(
        "%Y%m%d%H%M%S",
        description="strptime format of the time at the start of a file's name, for time_from `name`.",
    )
    name_timezone: Zone = Field(
        "UTC",
        description="Zone of the times in file names; Allsky and indi-allsky write the camera's local time.",
    )
    header_timezone: Zone = Field(
        "UTC", description="Zone of Last-Modified, for a server that gives its local time as GMT."
    )
    timeout_s: Number = number(
        20.0,
        0.1,
        600,
        "Limit on one request's whole time; a movie gets movie_timeout_s.",
        why="a look that waits longer comes too late for an alert",
    )
    movie_timeout_s: Number = number(
        3600.0, 1, 86400, "Limit on the whole download of a movie.", why="the next night's comes in a day"
    )
    max_bytes: Whole = number(20_000_000, 1, 500_000_000, "Largest still taken.", why="it is held in memory")
    max_movie_bytes: Whole = number(
        2_000_000_000, 1, 100_000_000_000, "Largest movie taken.", why="it is kept on disk while it is read"
    )
    max_pixels: Whole = number(
        40_000_000, 1, 400_000_000, "Largest picture decoded.", why="each takes some 10 bytes of memory"
    )
    stale_after_s: Number = number(
        900.0,
        1,
        86400,
        "Age from which the newest picture counts as stale.",
        why="a picture a day old says nothing of the sky now",
    )
    ignore_witnesses: tuple[Literal["same picture", "Last-Modified"], ...] = Field(
        (),
        max_length=2,
        description="Witnesses of a picture's age not heeded: `same picture` where a sky stays the same for hours, `Last-Modified` (a file's own time) where it is always wrong.",
    )
    movie_after_sunrise_min: Number = number(
        60.0, 0, 1440, "Minutes after the watch's end when the movie is first requested.", why="a day"
    )
    movie_give_up_h: Number = number(
        30.0, 0.1, 240, "Hours after which a missing movie is given up.", why="ten days"
    )

    @model_validator(mode="after")
    def _folder_has_path(self) -> SourceSettings:
        if self.kind == "folder" and self.path is None:
            raise Inconsistent(Fault(("kind",), 'kind "folder" needs `path`, the folder to watch'))
        if self.time_from == "header" and "Last-Modified" in self.ignore_witnesses:
            message = "time_from `header` needs the witness that `ignore_witnesses` switches off"
            raise Inconsistent(Fault(("ignore_witnesses",), message))
        return self
