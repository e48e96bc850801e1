"""What owners of Allsky and indi-allsky cameras reported of their own programs, done to a watch of their folders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.alert.conditions import Conditions
from daemon.config import CameraSettings, EventSettings, NotifySettings, Settings
from daemon.footage import image
from daemon.live import LiveWatch
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.record.store import Store
from daemon.source.folder import FolderSource
from tests.conftest import SetClock
from tests.faults.conftest import Entry
from tests.faults.harness import rows
from tests.hand_watch import Greenness
from tests.homes import SIDE, ZONE, local, put, sky
from tests.no_sky.cards import CARDS

FAMILY = "Owners' own reports"
NIGHT = datetime(2024, 2, 9, 21, 0, 7, tzinfo=UTC)
OWNER = NotifySettings(name="owner", url="json://127.0.0.1:9/", audience="operator")


class Home:
    """A camera's folder and the watch that looks at it, on a clock set by hand."""

    def __init__(self, folder: Path, source: dict[str, Any], at: datetime = NIGHT) -> None:
        disc = {"centre_x": SIDE / 2, "centre_y": SIDE / 2, "radius": SIDE / 2, "width": SIDE, "height": SIDE}
        self.folder, self.clock = folder, SetClock(at)
        folder.mkdir(exist_ok=True)
        camera = CameraSettings.model_validate(
            {
                "name": "home", "latitude_deg": 69.6, "longitude_deg": 19.2, "timezone": ZONE, "stamp": False,
                "disc": disc, "source": {"kind": "folder", "path": str(folder), **source},
            }
        )  # fmt: skip
        settings = Settings(camera=(camera,), notify=(OWNER,), event=EventSettings(strong_level=7))
        self.store = Store(folder.with_suffix(".db"), now=self.clock.now)
        model = Greenness()
        pipeline = Pipeline(
            camera, settings, store=self.store, predictor=lambda: model, metrics=Metrics(), clock=self.clock,  # type: ignore[arg-type, return-value]
        )  # fmt: skip
        source_ = FolderSource(camera.source, self.clock)
        self.live = LiveWatch(pipeline, source_, Conditions(self.store, settings.notify, self.clock))
        self.seed = 0

    def picture(self) -> bytes:
        """A sky that was not there before."""
        self.seed += 1
        return sky(self.seed)

    def minute(self, name: str | None = None, data: bytes | None = None) -> None:
        """A picture is written, or none; half a minute later the watch looks."""
        if name is not None:
            put(self.folder / name, self.picture() if data is None else data, self.clock.now())
        self.clock.move(30)
        self.live.look()
        self.clock.move(30)

    def verdicts(self) -> list[str]:
        """What was recorded, in order of time."""
        found = rows(self.store.path, "SELECT verdict FROM observations ORDER BY observed_at")
        return [row["verdict"] for row in found]

    def rejected(self) -> dict[str, float]:
        """Frames kept out, by their reason."""
        counted = self.live.pipeline.metrics.frames_rejected.collect()
        samples = (one for metric in counted for one in metric.samples if one.name.endswith("_total"))
        return {one.labels["reason"]: one.value for one in samples}


LATEST = {"pattern": "image.jpg", "time_from": "header"}
ALLSKY = {
    "pattern": "2*/image-2*.*", "time_from": "name", "name_format": "image-%Y%m%d%H%M%S", "name_timezone": ZONE,
}  # fmt: skip


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[list[Home]]:
    made: list[Home] = []
    yield made
    for home in made:
        home.store.close()


def home(homes: list[Home], folder: Path, source: dict[str, Any], at: datetime = NIGHT) -> Home:
    homes.append(Home(folder, source, at))
    return homes[-1]


def archived(at: datetime, kind: str = "jpg") -> str:
    """The name that Allsky gives a picture of that instant."""
    clock = local(at)
    return f"{clock - timedelta(hours=12):%Y%m%d}/image-{clock:%Y%m%d%H%M%S}.{kind}"


def test_a_picture_cut_off_in_the_writing(tmp_path: Path, homes: list[Home], matrix: Entry) -> None:
    """ "Premature end of JPEG file image.jpg": one that stays cut is refused; the next is judged."""
    one = home(homes, tmp_path / "tmp", LATEST)
    one.minute("image.jpg")
    one.minute("image.jpg", one.picture()[:2500])
    one.minute("image.jpg")
    assert one.verdicts() == ["clear", "clear"]
    assert one.rejected() == {"truncated": 1}
    matrix(FAMILY, "Allsky: `image.jpg` ends before its end (“Premature end of JPEG file”)", "refused as “truncated”, counted, nothing written", "1 cadence")  # fmt: skip


def test_a_card_in_the_pictures_place(tmp_path: Path, homes: list[Home], matrix: Entry) -> None:
    """ "Notification images appear in the nightly movies": here they are no sky, and no event."""
    one = home(homes, tmp_path / "tmp", LATEST)
    one.minute("image.jpg")
    card = CARDS["text on a flat ground"](np.random.default_rng(1))
    side = min(card.shape[:2])
    square = cv2.resize(card[:side, :side], (4 * SIDE, 4 * SIDE), interpolation=cv2.INTER_AREA)
    one.minute("image.jpg", image.encode_jpeg(np.asarray(square, np.uint8)))
    one.minute("image.jpg")
    assert one.verdicts() == ["clear", "unusable", "clear"]
    assert not rows(one.store.path, "SELECT * FROM events")
    matrix(FAMILY, "Allsky: a notification card in the picture's place, which its timelapses show", "unusable: “card”; no event", "1 cadence")  # fmt: skip


@pytest.mark.parametrize("month", [3, 10])
def test_the_night_in_which_the_clocks_change(
    month: int, tmp_path: Path, homes: list[Home], matrix: Entry
) -> None:
    """ "CET → CEST, +2 h?": names leap by an hour, or come twice; a row a minute in UTC, none twice, none missing."""
    change = datetime(2024, month, 31 if month == 3 else 27, 1, 0, 7, tzinfo=UTC)
    one = home(homes, tmp_path / "images", ALLSKY, change - timedelta(minutes=4))
    for _ in range(8):
        one.minute(archived(one.clock.now()))
    found = rows(one.store.path, "SELECT observed_at FROM observations ORDER BY 1")
    expected = [change + timedelta(minutes=k) for k in range(-4, 4)]
    assert [row["observed_at"] for row in found] == [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in expected]
    season = "summer time" if month == 3 else "winter time, its hour twice"
    matrix(FAMILY, f"Allsky: names of local time in the night of the change to {season}", "a row a minute in UTC, none twice", "–")  # fmt: skip


def test_pngs_that_were_not_written_to_their_end(tmp_path: Path, homes: list[Home], matrix: Entry) -> None:
    """ "libpng error: Write Error", corrupt pictures over the night: each costs its own minute."""
    one = home(homes, tmp_path / "images", ALLSKY)

    def png() -> bytes:
        return cv2.imencode(".png", image.decode(one.picture()))[1].tobytes()

    one.minute(archived(one.clock.now(), "png"), png())
    one.minute(archived(one.clock.now(), "png"), png()[:20_000])
    one.minute(archived(one.clock.now(), "png"), b"")
    one.minute(archived(one.clock.now(), "png"), png())
    assert one.verdicts() == ["clear", "clear"]
    assert one.rejected() == {"truncated": 1}
    matrix(FAMILY, "Allsky: PNGs cut or empty (“libpng error: Write Error”)", "the cut one refused as “truncated”, counted; the empty one left for the next look and passed over", "1 cadence")  # fmt: skip


def test_no_image_for_fifteen_minutes(tmp_path: Path, homes: list[Home], matrix: Entry) -> None:
    """ "No image for 15 minutes": the camera hangs, its last picture stays; stale, told once, judged when it is back."""
    one = home(homes, tmp_path / "images", {"pattern": "latest.jpg", "time_from": "header"})
    one.minute("latest.jpg")
    for _ in range(18):
        one.minute()
    assert set(one.verdicts()[1:]) == {"stale"}
    one.minute("latest.jpg")
    assert one.verdicts()[-1] == "clear"
    (told,) = rows(one.store.path, "SELECT body FROM outbox WHERE body LIKE '%has stopped%'")
    assert "nothing new since" in told["body"]
    matrix(FAMILY, "indi-allsky: the camera hangs, `latest.jpg` stays (“No image for 15 minutes”)", "stale rows, the operator notified once", "0.5 cadences")  # fmt: skip


def test_the_newest_picture_by_a_link(tmp_path: Path, homes: list[Home], matrix: Entry) -> None:
    """ "No pictures visible since the update": owners link the old place to the new one; the link is followed."""
    real = tmp_path / "memory"
    one = home(homes, tmp_path / "tmp", LATEST)
    put(real / "image.jpg", one.picture(), one.clock.now())
    (one.folder / "image.jpg").symlink_to(real / "image.jpg")
    one.minute()
    put(real / "image.jpg", one.picture(), one.clock.now())
    one.minute()
    assert one.verdicts() == ["clear", "clear"]
    matrix(FAMILY, "Allsky: `image.jpg` is a link to a memory disk or to where an update moved it", "followed; each new picture judged", "no gap")  # fmt: skip
