"""``aurorad setup``: the camera programs' folders and servers, recognised, tried, written; with questions and without."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from daemon.cli import main
from daemon.commands import setup as command
from daemon.commands.setup import Answers
from daemon.commands.setup_file import Plan, how_to_start, write
from daemon.commands.setup_found import addresses, name_format, recognise, zone_of
from daemon.config import load
from daemon.errors import ConfigError, UsageError
from daemon.footage import image
from daemon.observation import Picture, Prediction
from daemon.predictor import Predictor
from daemon.verdict import UNKNOWN
from tests.certificates import self_signed
from tests.homes import SIDE, ZONE, allsky, indi_allsky, put, sky
from tests.loopback import Loopback
from training.simulator.stills import random_still

NOW = datetime.now(UTC).replace(microsecond=0)
PLACE = ("--latitude", "69.6", "--longitude", "19.2", "--timezone", ZONE)


def run(folder: Path, *arguments: object) -> Result:
    """The command, nobody at the terminal, its file and its record in a folder of the test's own."""
    more = ("--config", folder / "a.toml", "--state-dir", folder / "state", "--yes")
    return CliRunner().invoke(main, ["setup", *map(str, (*arguments, *more))])


def written(folder: Path) -> dict[str, Any]:
    """What it wrote; it must be a file that the watch takes."""
    load(folder / "a.toml", watching=True)
    return tomllib.loads((folder / "a.toml").read_text())


def minutes(count: int) -> list[tuple[datetime, bytes]]:
    """The newest pictures, a minute apart, the last of them a minute old."""
    return [(NOW - timedelta(minutes=count - k), sky(k)) for k in range(count)]


def test_an_allsky_is_recognised_with_its_place_zone_and_names(tmp_path: Path) -> None:
    """One command without a question: archive folder, local names, place from its settings; thumbnails are none."""
    root = allsky(tmp_path / "home", minutes(8))
    done = run(tmp_path, "--where", root, "--timezone", ZONE, "--no-stars")
    assert done.exit_code == 0, done.output
    assert "Recognised: Allsky" in done.output
    assert "BindReadOnlyPaths" not in done.output
    given = written(tmp_path)
    (camera,) = given["camera"]
    assert (camera["latitude_deg"], camera["longitude_deg"], camera["timezone"]) == (69.6, 19.2, ZONE)
    assert camera["source"] == {
        "kind": "folder", "path": str(root / "images"), "pattern": "2*/image-2*.jpg", "time_from": "name",
        "name_format": "image-%Y%m%d%H%M%S", "name_timezone": ZONE,
    }  # fmt: skip
    assert camera["disc"]["width"] == SIDE
    assert given["daemon"] == {"state_dir": str(tmp_path / "state")}
    assert stat.S_IMODE(os.stat(tmp_path / "a.toml").st_mode) == 0o600


def test_folders_are_written_from_the_root_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch is started from another folder than the one in which its owner typed them."""
    root = allsky(tmp_path / "home", minutes(2))
    monkeypatch.chdir(tmp_path)
    done = run(Path(), "--where", root.relative_to(tmp_path), *PLACE, "--no-stars")
    assert done.exit_code == 0, done.output
    given = written(tmp_path)
    assert given["daemon"] == {"state_dir": str(tmp_path / "state")}
    assert given["camera"][0]["source"]["path"] == str(root / "images")


@pytest.mark.parametrize("given", ["", "images", "tmp"])
def test_any_of_its_folders_will_do(tmp_path: Path, given: str) -> None:
    """The program's own folder, its archive or the one of the newest picture: the same answer."""
    root = allsky(tmp_path, minutes(2))
    assert recognise(root / given, ZONE).source["path"] == str(root / "images")


def test_an_allsky_that_keeps_nothing_is_watched_by_its_newest_picture(tmp_path: Path) -> None:
    """Without an archive ``tmp/image.jpg`` is the source, and it is said what that costs."""
    root = allsky(tmp_path, minutes(1))
    for day in (root / "images").iterdir():
        day.rename(tmp_path / day.name)
    found = recognise(root, ZONE)
    assert found.source == {
        "kind": "folder",
        "path": str(root / "tmp"),
        "pattern": "image.jpg",
        "time_from": "header",
    }
    assert "stay missing" in found.notes[0]


def test_an_indi_allsky_is_recognised(tmp_path: Path) -> None:
    """Its nested folders, its camera's number, its local names; from the folder above as well."""
    images = indi_allsky(tmp_path, minutes(3))
    for place in (images, tmp_path):
        found = recognise(place, ZONE)
        assert found.program == "indi-allsky"
        assert found.source["pattern"] == "ccd_27ba2065/exposures/*/*/*/ccd1_2*.jpg"
        assert found.source["name_format"] == "ccd1_%Y%m%d_%H%M%S"
        assert found.source["name_timezone"] == ZONE
        assert len(list(images.glob(found.source["pattern"]))) == 3


def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    """The newest picture says where they lie and how they are named; one without a time is dated by its file."""
    put(
        tmp_path / "cam/2026-11-26/sky_2026-11-26T03-04-05.png",
        sky(1),
        datetime(2026, 11, 26, 3, 4, 20, tzinfo=UTC),
    )
    found = recognise(tmp_path / "cam", ZONE)
    assert found.source["pattern"] == "*/sky_2*.png"
    assert found.source["name_format"] == "sky_%Y-%m-%dT%H-%M-%S"
    assert found.source["name_timezone"] == "UTC"
    put(tmp_path / "one/sky.jpg", sky(1), NOW)
    assert recognise(tmp_path / "one", ZONE).source["time_from"] == "header"
    assert not recognise(tmp_path / "one", ZONE).notes
    put(tmp_path / "many/sky1.jpg", sky(1), NOW)
    put(tmp_path / "many/sky2.jpg", sky(2), NOW)
    found = recognise(tmp_path / "many", ZONE)
    assert found.source["time_from"] == "header"
    assert "the time at which a file was written dates it" in found.notes[0]
    assert recognise(tmp_path / "one/sky.jpg", ZONE).source["pattern"] == "sky.jpg"


def test_the_zone_is_the_one_that_fits_the_files_own_times() -> None:
    """A name is local time, or UTC, or neither; a machine whose clock is wrong is not guessed at."""
    at = datetime(2024, 2, 9, 21, 0, 30, tzinfo=UTC)
    form = "image-%Y%m%d%H%M%S"
    assert zone_of("image-20240209220007.jpg", form, at, (ZONE, "UTC")) == ZONE
    assert zone_of("image-20240209210007.jpg", form, at, (ZONE, "UTC")) == "UTC"
    assert zone_of("image-20240209150007.jpg", form, at, (ZONE, "UTC")) is None
    assert name_format("latest.jpg") is None
    assert name_format("cam 2025-12-31_22.40.07.jpg") == "cam %Y-%m-%d_%H.%M.%S"
    assert name_format("2025.12.31 22.40.07.png") == "%Y.%m.%d %H.%M.%S"


def test_nothing_is_replaced_without_a_word(tmp_path: Path) -> None:
    """A file that is there stays, also with --yes; --replace replaces it."""
    root = allsky(tmp_path, minutes(1))
    (tmp_path / "a.toml").write_text("# mine\n")
    done = run(tmp_path, "--where", root, "--no-stars")
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert (tmp_path / "a.toml").read_text() == "# mine\n"
    done = run(tmp_path, "--where", root, "--timezone", ZONE, "--no-stars", "--replace")
    assert done.exit_code == 0, done.output
    assert written(tmp_path)["camera"]


def test_what_is_missing_is_one_line_with_its_option(tmp_path: Path) -> None:
    """Nobody is asked: the place of a camera that nothing tells, a folder without pictures, a channel nobody knows."""
    put(tmp_path / "pictures/sky.jpg", sky(1), NOW)
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        (("--where", tmp_path / "pictures"), "--latitude is needed. Where the camera stands: degrees, north"),
        (("--where", tmp_path / "empty", *PLACE), "no picture"),
        (("--where", "/nowhere/at/all", *PLACE), "there is no such folder"),
        (
            ("--where", tmp_path / "pictures", *PLACE, "--no-stars", "--notify", "nobody://x"),
            "no service understands",
        ),
    ):
        done = run(tmp_path, *arguments)
        assert done.exit_code == 2, done.output
        assert said in done.output.strip().splitlines()[-1]
        assert not (tmp_path / "a.toml").exists()
    assert not list(tmp_path.glob(".a.toml*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name", "Tromsø"), "--name must be 1 to 40 letters"),
        (("--name", "my cam"), "--name must be 1 to 40 letters"),
        (("--certificate-sha256", "zz"), "--certificate-sha256 must be a SHA-256 fingerprint"),
        (("--login", "nobody"), "--login: it must be user:password"),
        (("--notify", "json://a\nb"), "--notify must be one line"),
        (("--state-dir", "a\nb"), "--state-dir must be one line"),
        (("--where", "http://127.0.0.1:99999/x.jpg"), "--where must be an address with a host, and a port"),
        (("--where", "ftp://x/y.jpg"), "--where must be an address that begins with http"),
        (("--where", "http://"), "--where must be an address"),
        (("--where", "http://[x"), "--where must be an address"),
    ],
)
def test_a_wrong_option_is_named_before_the_work_begins(
    tmp_path: Path, arguments: tuple[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, exit 2, and nobody is asked for a picture."""
    monkeypatch.setattr("daemon.commands.setup_address.fetch_bytes", None)
    more = ("--config", tmp_path / "a.toml", "--yes")
    where = () if "--where" in arguments else ("--where", "http://127.0.0.1:1/sky.jpg")
    done = CliRunner().invoke(main, ["setup", *map(str, (*where, *PLACE, *more, *arguments))])
    assert done.exit_code == 2, done.output
    (line,) = done.output.splitlines()
    assert said in line
    assert not (tmp_path / "a.toml").exists()


def card(side: int = SIDE) -> bytes:
    """A notification card: a circle and letters on plain ground, and no sky."""
    pixels = np.full((side, side, 3), 60, np.uint8)
    cv2.circle(pixels, (side // 3, side // 3), side // 4, (200, 200, 200), -1)
    for row in range(side // 8, side, side // 8):
        cv2.putText(pixels, "starting up", (5, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    return image.encode_png(pixels)


@pytest.mark.parametrize("newest", [b"", sky(9)[:2000], card(), card(3 * SIDE)])
def test_the_newest_file_may_be_no_picture_of_the_sky(tmp_path: Path, newest: bytes) -> None:
    """Half written, or a card: the disc is the one of the newest picture that shows a sky."""
    for number in range(3):
        put(tmp_path / f"pictures/sky{number}.png", sky(number), NOW - timedelta(minutes=9 - number))
    put(tmp_path / "pictures/sky3.png", newest, NOW - timedelta(minutes=1))
    done = run(tmp_path, "--where", tmp_path / "pictures", *PLACE, "--no-stars")
    assert done.exit_code == 0, done.output
    assert "The sky's disc is" in done.output
    disc = written(tmp_path)["camera"][0]["disc"]
    assert (disc["width"], disc["height"]) == (SIDE, SIDE)


def test_where_there_are_only_cards_the_disc_is_not_measured(tmp_path: Path) -> None:
    """It is said so, and the whole picture is taken: a circle through a card's letters is no disc."""
    put(tmp_path / "pictures/card.png", card(), NOW)
    done = run(tmp_path, "--where", tmp_path / "pictures", *PLACE, "--no-stars")
    assert done.exit_code == 0, done.output
    assert "so the disc is not measured: the whole picture is taken" in done.output
    disc = written(tmp_path)["camera"][0]["disc"]
    assert (disc["centre_x"], disc["centre_y"], disc["radius"]) == (SIDE / 2, SIDE / 2, SIDE / 2)


def test_what_is_wrong_with_the_file_names_it_and_no_hidden_one(tmp_path: Path) -> None:
    """What cannot work is not written, and the line says of which file it speaks."""
    file = tmp_path / "a.toml"
    plan = Plan(tmp_path / "state", {"name": "cabin"}, {"kind": "url", "url": "http://127.0.0.1/"})
    with pytest.raises(ConfigError) as told:
        write(plan, file)
    (line,) = told.value.lines
    assert line.startswith(f"{file} is not written: [[camera]] 'cabin'")
    assert not list(tmp_path.iterdir())


def test_the_service_keeps_its_record_where_it_may_write(tmp_path: Path) -> None:
    """A home folder is not there for the unit: the file names one only where its owner did, and then it is taken out."""
    assert tomllib.loads(Plan().text()) == {}
    root = allsky(tmp_path / "home", minutes(2))
    more = ("--where", root, *PLACE, "--no-stars", "--yes", "--config", tmp_path / "a.toml")
    done = CliRunner().invoke(main, ["setup", *map(str, more)], env={"XDG_STATE_HOME": str(tmp_path)})
    assert done.exit_code == 0, done.output
    assert "daemon" not in written(tmp_path)
    assert "sed -i" not in done.output
    named = Plan(Path("/home/pi/record"), {"name": "home"})
    (command,) = (line for line in how_to_start(named, tmp_path / "b.toml") if "sed -i" in line)
    file = tmp_path / "b.toml"
    file.write_text(named.text())
    change = command.strip().removeprefix("sudo ").replace("/etc/aurorad/aurorad.toml", str(file))
    subprocess.run(["bash", "-c", change], check=True)
    assert tomllib.loads(file.read_text()) == {"daemon": {}, "camera": [{"name": "home", "source": {}}]}


@pytest.mark.parametrize(
    "folder", ["/root/allsky/images", "/home/pi/allsky/images", '/home/Åse H/all "sky" 100% it\'s/images']
)
def test_how_to_start_is_copied_into_a_shell_as_it_stands(folder: str) -> None:
    """Each line is a command, also where a path has spaces, quotes or a percent sign; the unit lets in that folder."""
    file = Path("/home/Åse H/aurorad.toml")
    said = how_to_start(Plan(Path("/s"), source={"path": folder}), file)[1:-1]
    script = "\n".join(line[18:] for line in said)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    words = shlex.split(script.replace("\\\n", " "), comments=True)
    for whole in (f"{folder}:{folder}:ro", f"{file}:/etc/aurorad/aurorad.toml:ro", str(file)):
        assert whole in words
    (unit,) = (line[18:].partition(" | ")[0] for line in said if "BindReadOnlyPaths" in line)
    made = subprocess.run(["bash", "-c", unit], stdout=subprocess.PIPE, text=True, check=True).stdout
    head, line = made.splitlines()
    assert head == "[Service]"
    (path,) = shlex.split(line.removeprefix("BindReadOnlyPaths=").replace("%%", "%"))
    assert path == folder


def test_the_model_s_answer_is_told_as_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a certainty that rounding alone made; what the model doubts is no answer."""
    put(tmp_path / "pictures/sky.jpg", sky(1), NOW - timedelta(minutes=1))
    plain, doubted = Predictor.predict, False

    def sure(self: Predictor, squares: list[Picture]) -> Iterator[Prediction]:
        return (
            replace(said, calibrated_probability=0.9999, doubted=doubted) for said in plain(self, squares)
        )

    monkeypatch.setattr(Predictor, "predict", sure)
    arguments = ("--where", tmp_path / "pictures", *PLACE, "--no-stars", "--replace")
    assert "aurora with a probability of over 99 %" in run(tmp_path, *arguments).output
    doubted = True
    assert f"the newest picture is {UNKNOWN}" in run(tmp_path, *arguments).output


def test_the_stars_give_lens_and_north_on_the_way(tmp_path: Path) -> None:
    """A clear night in the archive is found and calibrated: [camera.orientation] is in the file."""
    still = random_still(14, side=480)
    root = allsky(tmp_path / "home", [(still.at, image.encode_jpeg(still.picture(), 97))])
    place = ("--latitude", still.place.latitude_deg, "--longitude", still.place.longitude_deg)
    done = run(tmp_path, "--where", root, *place, "--timezone", ZONE)
    assert done.exit_code == 0, done.output
    assert "stars matched" in done.output
    (camera,) = written(tmp_path)["camera"]
    assert len(camera["orientation"]["lens"]) == 2
    assert camera["source"]["name_timezone"] == ZONE


def test_no_north_from_pictures_whose_time_nothing_bears_out(tmp_path: Path) -> None:
    """Written days after the time in its name, as a copied archive is: in which zone the name is stays open, so
    the stars are not asked, directions stay unknown, and it is said why."""
    still = random_still(14, side=480)
    root = allsky(tmp_path / "home", [(still.at, image.encode_jpeg(still.picture(), 97))])
    for path in root.rglob("image-2*.jpg"):
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    place = ("--latitude", still.place.latitude_deg, "--longitude", still.place.longitude_deg)
    done = run(tmp_path, "--where", root, *place, "--timezone", ZONE)
    assert done.exit_code == 0, done.output
    assert "neither Europe/Oslo nor UTC makes its name the time" in done.output
    assert "stars matched" not in done.output
    assert "Once name_timezone is right, run `aurorad calibrate" in done.output
    (camera,) = written(tmp_path)["camera"]
    assert "orientation" not in camera
    assert camera["disc"]["width"] == 480


def test_auroramax_needs_no_camera_and_no_answer_of_its_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of two lines; a site that does not answer now is no reason to write none."""

    class Silent:
        def ask(self) -> None:
            from daemon.errors import FetchError

            raise FetchError("connect", "https://auroramax: no connection")

    monkeypatch.setattr(command, "open_source", lambda *_: Silent())
    done = run(tmp_path, "--where", "auroramax", "--notify", "json://127.0.0.1:9/")
    assert done.exit_code == 0, done.output
    assert set(written(tmp_path)) == {"daemon", "notify"}


# ------------------------------------------------------------------- servers


@pytest.fixture
def indi_server(tmp_path: Path) -> Iterator[str]:
    """indi-allsky's server: its own certificate, the newest picture under /indi-allsky/."""
    (tmp_path / "tls").mkdir()
    picture = sky(3)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.path == "/indi-allsky/images/latest.jpg"
            self.send_response(200 if good else 404)
            self.send_header("Last-Modified", self.date_time_string())
            self.send_header("Content-Length", str(len(picture) if good else 0))
            self.end_headers()
            if good:
                self.wfile.write(picture)

    server = Loopback(Handler, self_signed(tmp_path / "tls"))
    yield f"https://{server.place}"
    server.close()


def test_a_server_that_signed_its_own_certificate(tmp_path: Path, indi_server: str) -> None:
    """Its front page is enough: the picture's address is found, its certificate shown and written down."""
    done = run(tmp_path, "--where", indi_server, *PLACE, "--no-stars")
    assert done.exit_code == 0, done.output
    assert "Recognised: indi-allsky" in done.output
    source = written(tmp_path)["camera"][0]["source"]
    assert source["url"] == f"{indi_server}/indi-allsky/images/latest.jpg"
    assert len(source["certificate_sha256"]) == 64
    assert done.output.count(source["certificate_sha256"]) == 1


def test_an_address_that_gives_no_picture_is_blamed_itself(tmp_path: Path) -> None:
    """Not the last of the addresses that were tried beside it; a front page is told that none of them was there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = b"<html></html>" if self.path == "/html.jpg" else b""
            self.send_response(200 if page else 404)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    server = Loopback(Handler)
    address = f"http://{server.place}"
    try:
        own = run(tmp_path, "--where", f"{address}/html.jpg", *PLACE)
        front = run(tmp_path, "--where", address, *PLACE)
    finally:
        server.close()
    assert (own.exit_code, front.exit_code) == (2, 2)
    assert f"no picture found: {address}/html.jpg: gave a web page" in own.output
    assert f"no picture found: {address} gives none" in front.output


def test_a_server_that_sends_everybody_on_to_https(tmp_path: Path, indi_server: str) -> None:
    """Where plain http leads to a certificate of the server's own, its https address is tried in its place."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", f"{indi_server}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    plain = Loopback(Handler)
    try:
        done = run(tmp_path, "--where", f"http://{plain.place}", *PLACE, "--no-stars")
    finally:
        plain.close()
    assert done.exit_code == 2
    assert f"https://{plain.place}" in done.output  # which is no https here: one port speaks one language


class Person:
    """Somebody who answers what he was told to, and says no to the rest."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.said: list[str] = []

    def ask(self, question: str, default: str | None, option: str) -> str:
        self.said.append(question)
        return self.answers.pop(option.removeprefix("--"))

    def agrees(self, question: str, default: bool) -> bool:
        self.said.append(question)
        return False

    def say(self, line: str) -> None:
        self.said.append(line)


def test_a_person_is_asked_for_what_is_not_known(tmp_path: Path) -> None:
    """Where, place, channel: the answers are in the file."""
    put(tmp_path / "pictures/sky.jpg", sky(1), NOW)
    person = Person(where=str(tmp_path / "pictures"), latitude="69.6", longitude="19.2", notify="")
    file = command.setup(
        Answers(timezone=ZONE, file=tmp_path / "a.toml", state_dir=tmp_path / "state", stars=False), person
    )
    assert file == tmp_path / "a.toml"
    assert written(tmp_path)["camera"][0]["latitude_deg"] == 69.6
    assert not person.answers


def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path, indi_server: str) -> None:
    """Who says no keeps his certificates as they are, and no file is written."""
    with pytest.raises(UsageError, match=r"no picture found: .*TLS failed"):
        command.setup(
            Answers(where=indi_server, timezone=ZONE, file=tmp_path / "a.toml", state_dir=tmp_path), Person()
        )
    assert not (tmp_path / "a.toml").exists()


def test_the_addresses_of_both_programs_are_tried() -> None:
    """What a person gives comes first; a bare host is a front page."""
    tried = [url for _, url in addresses("allsky.local")]
    assert tried[0] == "http://allsky.local/current/tmp/image.jpg"
    assert "http://allsky.local/indi-allsky/images/latest.jpg" in tried
    assert addresses("https://cam.example/sky.jpg?a=b")[0][1] == "https://cam.example/sky.jpg?a=b"


def test_json_is_the_settings_own_form(tmp_path: Path) -> None:
    """Settings of Allsky that are broken, or of another form, cost the place alone."""
    root = allsky(tmp_path, minutes(1))
    for text in ("{", "[]", json.dumps({"latitude": "north"})):
        (root / "config/settings.json").write_text(text)
        assert recognise(root, ZONE).latitude_deg is None
