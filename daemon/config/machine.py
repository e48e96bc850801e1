"""[daemon], [model]: where things are kept and served on this machine, and which model looks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from daemon.config.bounds import (
    Ancestor,
    FilePath,
    Host,
    HostOrAll,
    Number,
    Secret,
    Table,
    Text,
    WebAddress,
    Whole,
    number,
)


class DaemonSettings(Table):
    """[daemon]: where things are kept, where the page is served."""

    state_dir: FilePath = Field(
        Path("/var/lib/aurorad"), description="Folder of the database and the kept pictures."
    )
    host: HostOrAll = Field("127.0.0.1", description="Address the page and metrics are served on.")
    port: Whole = number(8080, 0, 65535, "Port of the page; 0 takes a free one.")
    url: WebAddress = Field(
        "", description="Address people reach the page at, for links in messages; empty: no links."
    )
    names: tuple[Host, ...] = Field(
        (),
        max_length=50,
        description="Further host names the page answers under, beside that of `url`, this machine's own, localhost and plain addresses.",
    )
    frame_ancestors: tuple[Ancestor, ...] = Field(
        (),
        max_length=20,
        description="Sites that may show the page in a frame, such as https://home.example, or 'self' behind the same address; none: nobody.",
    )
    token: Secret = Field(
        "",
        description="Token for everything that writes, 16 characters or more; `env:` or `credential:` reference. Needed where host is not loopback.",
    )
    tls_certificate: FilePath | None = Field(
        None, description="PEM certificate; with tls_key the page is served over TLS."
    )
    tls_key: FilePath | None = Field(None, description="PEM key of tls_certificate.")
    keep_pictures_days: Whole = number(
        400,
        0,
        36500,
        "Days from when it was taken that a kept picture stays on disk; 0 keeps no pictures.",
        why="a century",
    )
    timelapses: bool = Field(
        True,
        description="Make a movie and a card of each night with aurora and of each event, in the background.",
    )
    min_free_mb: Whole = number(
        500,
        0,
        100_000_000,
        "Free disk space under which no pictures are kept and the operator gets a message.",
        why="in megabytes, and no disk has more",
    )
    hold_min: Number = number(
        30.0,
        0,
        1440,
        "Minutes that trouble must be over before the operator gets word of it; what returns within them is the same trouble.",
        why="a day",
    )
    user_agent_contact: Text = Field(
        "", description="Contact added to the User-Agent, as hosts of public feeds like to have."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state_dir / "aurorad.db"


class ModelSettings(Table):
    """[model]: which model looks, and on what."""

    path: FilePath | None = Field(
        None, description="Model file (.onnx, its card beside it); none: the shipped model."
    )
    runtime: Literal["onnx", "torch"] = Field("onnx", description="What runs the model.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="`auto` takes a GPU where one works; `cuda` warns the operator when it has to do without.",
    )
    threads: Whole = number(
        1, 1, 64, "CPU threads of one inference: 2 take two thirds of the time, and a fifth more CPU."
    )
    shadow: FilePath | None = Field(None, description="A candidate model that looks too and is only logged.")
