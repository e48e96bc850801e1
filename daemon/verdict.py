"""A prediction and the stars → a verdict in words. Pure."""

from __future__ import annotations

from daemon.observation import Prediction, Verdict

UNKNOWN = "unlike the skies the model knows"
"""Why a prediction is not believed: the model's own doubt is over the limit that its card gives."""

CLEAR_FROM, CLOUD_UNDER = 0.6, 0.2
"""Shares of the starlight: from the one the sky is clear, under the other it is not."""


def judge(
    prediction: Prediction,
    threshold: float,
    stars: float | None = None,
    *,
    broken: bool = True,
    doubted: bool = False,
) -> tuple[Verdict, str]:
    """A verdict and its reason. Aurora through cloud is aurora; no aurora under cloud is no answer.

    ``stars`` is the share of their light that comes through, None where they say nothing; then it is the model that
    says whether the sky is clear. ``broken`` where that light is whole in one part of the sky and gone in another.
    Bright aurora hides stars: they are not asked about it.
    A picture far from all that the model learned from is ``doubted``: it gets no verdict about the sky.
    """
    if doubted:
        return "unusable", UNKNOWN
    clear = prediction.clear_probability >= 0.5
    if prediction.calibrated_probability >= threshold:
        return "aurora", "aurora" if clear else "aurora through cloud"
    if stars is not None:
        return _by_stars(stars, broken)
    return ("clear", "clear sky, no aurora") if clear else ("obscured", "cloud or snow")


def _by_stars(share: float, broken: bool) -> tuple[Verdict, str]:
    if share >= CLEAR_FROM:
        return "clear", "stars seen, no aurora"
    if share >= CLOUD_UNDER:
        return "clear", f"stars {'seen between clouds' if broken else 'dimmed by thin cloud'}, no aurora"
    return "obscured", "cloud or snow: no stars seen"


def disagrees(prediction: Prediction, stars: float | None) -> bool:
    """Do the model's sky answer and the stars contradict each other?"""
    if stars is None or CLOUD_UNDER <= stars < CLEAR_FROM:
        return False
    return (prediction.clear_probability >= 0.5) != (stars >= CLEAR_FROM)
