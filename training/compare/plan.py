"""How much of everything a comparison uses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True)
class Size:
    """Pictures drawn, sides in pixels, and how long each network learns.

    ``scenes`` are pairs to learn from, ``judged_scenes`` pairs to be judged on; ``cuts`` skies cut from each span of
    a keogram to learn from, at most ``keograms`` in all, ``judged_cuts`` of each span held out; ``nights`` of
    ``hours`` each are judged, ``fit_nights`` more fit the filters over ten minutes; every ``stride``-th frame of
    a night counts.
    """

    name: str
    scenes: int
    judged_scenes: int
    cuts: int
    keograms: int
    judged_cuts: int
    nights: int
    fit_nights: int
    hours: float
    stride: int
    factors: int
    resnet: tuple[int, int]
    """ResNet-50: side, epochs."""
    simclr: tuple[int, int]
    """SimCLR: side, epochs."""
    vae_epochs: int
    cluster_epochs: int
    detector: tuple[int, int]
    """Faster R-CNN: side, steps of four pictures."""
    thesis: tuple[int, int, int]
    """thesis-b1: side, epochs of the head, epochs of everything."""
    thesis_keograms: int
    timed: int
    """Pictures that the speed is measured on."""


QUICK: Final = Size(
    name="quick",
    scenes=40,
    judged_scenes=20,
    cuts=1,
    keograms=80,
    judged_cuts=1,
    nights=3,
    fit_nights=2,
    hours=0.5,
    stride=3,
    factors=120,
    resnet=(48, 1),
    simclr=(32, 1),
    vae_epochs=3,
    cluster_epochs=30,
    detector=(96, 4),
    thesis=(64, 1, 1),
    thesis_keograms=40,
    timed=4,
)
SMALL: Final = Size(
    name="small",
    scenes=300,
    judged_scenes=150,
    cuts=1,
    keograms=420,
    judged_cuts=2,
    nights=12,
    fit_nights=8,
    hours=1.5,
    stride=3,
    factors=900,
    resnet=(64, 4),
    simclr=(64, 4),
    vae_epochs=20,
    cluster_epochs=300,
    detector=(128, 100),
    thesis=(96, 2, 2),
    thesis_keograms=160,
    timed=24,
)
NIGHT: Final = Size(
    name="night",
    scenes=2000,
    judged_scenes=500,
    cuts=3,
    keograms=1500,
    judged_cuts=4,
    nights=40,
    fit_nights=20,
    hours=3.0,
    stride=2,
    factors=4000,
    resnet=(160, 12),
    simclr=(112, 40),
    vae_epochs=120,
    cluster_epochs=1000,
    detector=(240, 1500),
    thesis=(240, 6, 6),
    thesis_keograms=1000,
    timed=48,
)


@dataclass(frozen=True)
class Plan:
    """What is compared on: the folders of real pictures that are there, the size, the seed.

    ``real`` is the developers' collection (None: no real frames), ``keograms`` the folder of real keograms,
    ``model`` the shipped model's file (None: the one in the package), ``left_out`` the answers of
    ``aurorad-train leave-out``, ``oath`` and ``kvammen`` the papers' own data.
    """

    size: Size
    seed: int = 1
    real: Path | None = None
    keograms: Path | None = None
    model: Path | None = None
    left_out: Path | None = None
    oath: Path | None = None
    kvammen: Path | None = None

    @property
    def text(self) -> dict[str, Any]:
        """What two comparisons must share to be one table."""
        return {
            "size": asdict(self.size),
            "seed": self.seed,
            "real": self.real is not None,
            "keograms": self.keograms is not None,
        }
