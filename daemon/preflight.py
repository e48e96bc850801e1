"""Can this configuration work here? Every path, address and secret in it is tried; nothing is written or sent.

A file can be right in every key and still not be watched with: a channel no service knows, a state folder
that cannot be written, a page open to strangers. What is found here is refused by ``aurorad check-config``,
at the start and on a reload alike. That a server answers is not asked, and a camera's folder need not be there
yet: those come and go, and the watch outlives it.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import ssl
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from daemon.alert.channel import Channel
from daemon.config import (
    CameraSettings,
    DaemonSettings,
    Fault,
    MqttSettings,
    Settings,
    SourceSettings,
    error_of,
    resolve_secret,
)
from daemon.errors import AuroradError, ConfigError, FetchError, ModelError, PictureError
from daemon.footage import horizon
from daemon.patience import Patience
from daemon.predictor import Predictor
from daemon.source import check_address, check_login, movie_addresses, own_authority, takes
from daemon.web.server import check_tls

FOLDER_S = 5.0
"""Seconds a camera's folder is waited for: a network drive that is down holds whoever asks it."""

A_KEPT_PICTURE = "2024-02-10/20240210053000_20240210_0.jpg"

SHORTEST_TOKEN = 16
"""Characters of a token: one made of them at random cannot be found by asking."""


def check(settings: Settings, path: Path | None) -> Predictor:
    """The model, loaded, where all else can be used too.

    Raises ConfigError with every fault, each with its line in the file at ``path``, and ModelError where
    only the model cannot be used.
    """
    faults = list(faults_in(settings))
    try:
        predictor = Predictor(settings.model)
    except ModelError as error:
        if not faults:
            raise
        raise error_of([*faults, Fault(("model", "path"), str(error))], path) from error
    if faults:
        raise error_of(faults, path)
    return predictor


def faults_in(settings: Settings) -> Iterator[Fault]:
    """All that keeps this configuration from working on this machine, but for the model, which is loaded."""
    yield from _page(settings.daemon)
    yield from _state_folder(settings.daemon.state_dir)
    for place, camera in enumerate(settings.camera):
        where = ("camera", place, "source")
        yield from (Fault((*where, key), message) for key, message in _source(camera))
        if takes(camera.source, settings.daemon.state_dir / "frames" / camera.name / A_KEPT_PICTURE):
            message = (
                f"`camera.source.path` {camera.source.path} holds [daemon] state_dir, and `pattern` takes the pictures"
                " that aurorad keeps there; move one of them, or narrow the `pattern`"
            )
            yield Fault((*where, "path"), message)
        if camera.horizon:
            try:
                horizon.read(Path(camera.horizon))
            except PictureError as error:
                yield Fault(("camera", place, "horizon"), f"`camera.horizon`: {error}")
    for place, channel in enumerate(settings.notify):
        try:
            Channel(channel.name, channel.address()).check()
        except ConfigError as error:
            yield Fault(("notify", place, "url"), str(error))
    if settings.mqtt is not None:
        yield from _broker(settings.mqtt)


def _broker(mqtt: MqttSettings) -> Iterator[Fault]:
    """What keeps its password or its authority from being used; that it answers is not asked here."""
    try:
        mqtt.secret()
    except ConfigError as error:
        yield Fault(("mqtt", "password"), f"`mqtt.password`: {error}")
    if mqtt.ca is not None:
        try:
            ssl.create_default_context(cafile=mqtt.ca)
        except (OSError, ssl.SSLError) as error:
            message = f"`mqtt.ca` {mqtt.ca}: {error.strerror or error}; name a PEM file of certificates"
            yield Fault(("mqtt", "ca"), message)


# ------------------------------------------------------------------ the page


def _page(daemon: DaemonSettings) -> Iterator[Fault]:
    try:
        check_tls(daemon.tls_certificate, daemon.tls_key)
    except AuroradError as error:
        yield Fault(("daemon", "tls_certificate"), str(error))
    try:
        token = resolve_secret(daemon.token).get_secret_value() if daemon.token else ""
    except ConfigError as error:
        yield Fault(("daemon", "token"), f"`daemon.token`: {error}")
        return
    if token and len(token) < SHORTEST_TOKEN:
        message = f"`daemon.token` is shorter than {SHORTEST_TOKEN} characters; make one with `openssl rand -hex 16`"
        yield Fault(("daemon", "token"), message)
    if not token and not _only_this_machine(daemon.host):
        message = (
            f"`daemon.host` {daemon.host!r} lets other machines write to the page; set `token` in [daemon] "
            "as well, or serve it on 127.0.0.1"
        )
        yield Fault(("daemon", "host"), message)


def _only_this_machine(host: str) -> bool:
    """Is that a loopback address? A name is not, but for ``localhost``: who knows where it leads tomorrow."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# ------------------------------------------------------------------ folders


def _state_folder(folder: Path) -> Iterator[Fault]:
    """The folder, or where it would be made, must be one that this user may write to."""
    why = why_not_writable(folder)
    if why is not None:
        yield Fault(("daemon", "state_dir"), f"`daemon.state_dir` {folder}: {why}")


def why_not_writable(folder: Path) -> str | None:
    """What keeps this user from keeping files in a folder, made where it is not there yet; None where nothing."""
    for place in (folder, *folder.absolute().parents):
        try:
            place.stat()
        except FileNotFoundError:
            if place.is_symlink():
                return f"{place} is a link that leads nowhere"
            continue
        except OSError as error:
            return f"it cannot be used ({error.strerror}); name another folder"
        if not place.is_dir():
            return f"{place} is a file; name a folder"
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{place} cannot be written to by this user; change its owner, or name another folder"
        return None
    return "there is no such place"


# ------------------------------------------------------------------ sources


def _source(camera: CameraSettings) -> Iterator[tuple[str, str]]:
    """(key, message) of each path and address of a camera that can never be asked."""
    source = camera.source
    if source.kind == "folder":
        why = _asked_in_time(partial(_never_a_folder, source.path)) if source.path else None
        if why:
            yield "path", f"`camera.source.path` {source.path}: {why}"
        return
    movies = [("movie_url", address) for address in movie_addresses(source, date(2024, 2, 10))]
    for key, address in (("url", source.url), *movies):
        try:
            check_address(address)
        except FetchError as error:
            yield key, f"`camera.source.{key}`: {error}"
    yield from _access(source)


def _access(source: SourceSettings) -> Iterator[tuple[str, str]]:
    """What lets us in: the login must be there, the authority's file one that can be read."""
    try:
        check_login(source)
    except ConfigError as error:
        yield "login", f"`camera.source.login`: {error}"
    if source.ca_file is not None:
        try:
            own_authority(source.ca_file)
        except OSError as error:
            why = error.strerror or "no PEM certificate"
            yield "ca_file", f"`camera.source.ca_file` {source.ca_file}: {why}"


def _asked_in_time(ask: Callable[[], str | None]) -> str | None:
    """What asking a disk gives. One that hangs may come back: its camera must not keep the others from being watched."""
    try:
        return Patience(FOLDER_S).call(ask)
    except TimeoutError:
        return None


def is_there(folder: Path) -> bool:
    """Is a camera's folder there now? One on a disk that hangs is not."""
    try:
        return Patience(FOLDER_S).call(folder.is_dir)
    except (TimeoutError, OSError):
        return False


def _never_a_folder(path: Path) -> str | None:
    """Why this can be no folder of pictures. One that is not there may yet be mounted, or made."""
    try:
        if not path.is_dir() and path.exists():
            return "is a file; name the folder it is in"
        os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.EACCES, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
            return f"{error.strerror}; name a folder this user may read"
        return None  # a network drive that is down now comes back
    return None if os.access(path, os.R_OK | os.X_OK) else "cannot be read by this user; change its rights"
