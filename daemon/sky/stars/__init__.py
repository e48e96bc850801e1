"""The stars as a witness: catalogue, points of light, the lens they show, and what is clear."""

from __future__ import annotations

from daemon.sky.stars.catalogue import Catalogue, StarField, bright_stars

__all__ = ["Catalogue", "StarField", "bright_stars"]
