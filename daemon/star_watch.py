"""The stars of one camera beside the pipeline: the witness, and what of it stands in the record.

Which lens a camera's directions go by is decided in :mod:`daemon.sky.stars.witness`; here it is read from the record
at the start, written with the frames that gave it, and put into words.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from daemon.footage.horizon import Horizon
from daemon.observation import Camera, FoundLens, Frame, SkyState
from daemon.record.store import Store
from daemon.sky.ephemeris import Observatory
from daemon.sky.stars.witness import StarLook, StarWitness

log = logging.getLogger("aurorad.stars")


class StarWatch:
    """One camera's stars. One thread at a time.

    ``witness`` is None where the owner gives an orientation without a lens: there is nothing to find then, and
    nothing to hold stars against.
    """

    def __init__(
        self, camera: Camera, observatory: Observatory, store: Store, horizon: Horizon | None = None
    ) -> None:
        self._camera = camera
        self._store = store
        self.witness: StarWitness | None = None
        given = camera.orientation
        if given is not None and given.lens is None:
            return
        found = store.progress.lens(camera.name, camera.disc) if given is None else None
        past = store.reader.star_zeros(camera.name)
        sees = horizon.sees if horizon is not None else None
        self.witness = StarWitness(observatory, given, past, start=camera.start, found=found, sees=sees)

    @property
    def camera(self) -> Camera:
        """The camera, with the orientation that its owner gives or its stars have shown."""
        if self.witness is not None and self.witness.orientation is not self._camera.orientation:
            self._camera = replace(self._camera, orientation=self.witness.orientation)
        return self._camera

    def look(self, frame: Frame, sky: SkyState) -> StarLook | None:
        """What the stars say of a frame."""
        if self.witness is None or frame.points is None:
            return None
        return self.witness.look(frame.points, sky)

    def keep(self) -> None:
        """A lens that the stars just gave goes into the record, with the frames that it came with."""
        if self.witness is not None and self.witness.news is not None:
            self._store.progress.put_lens(self._camera.name, self._camera.disc, self.witness.news)

    def kept(self) -> None:
        """What was to be kept is on record."""
        if self.witness is not None and self.witness.news is not None:
            log.info("%s: %s", self._camera.name, lens_found(self.witness.news))
            self.witness.news = None


def lens_found(found: FoundLens) -> str:
    """What a lens that the stars gave means, in a sentence for whoever runs the camera."""
    north = f"north is {found.orientation.north_deg:.1f}° clockwise from up"
    if found.stars is None or found.error_deg is None:
        return (
            f"the stars are where the lens that came with aurorad puts them, and directions go by it; {north}"
        )
    good = f"{found.stars} stars, directions good to {max(found.error_deg, 0.01):.2f}°"
    turned = f"; {found.turned_deg:.1f}° from the lens before" if found.turned_deg is not None else ""
    return f"the lens was solved from the stars of its own frames ({good}); {north}{turned}"
