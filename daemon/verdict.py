"""A prediction → a verdict in words. Pure."""

from __future__ import annotations

from daemon.observation import Prediction, Verdict

UNKNOWN = "unlike the skies the model knows"
"""Why a prediction is not believed: the model's own doubt is over the limit that its card gives."""


def judge(prediction: Prediction, threshold: float, *, doubted: bool = False) -> tuple[Verdict, str]:
    """A verdict and its reason. Aurora through cloud is aurora; no aurora under cloud is no answer.

    A picture far from all that the model learned from is ``doubted``: it gets no verdict about the sky.
    """
    if doubted:
        return "unusable", UNKNOWN
    clear = prediction.clear_probability >= 0.5
    if prediction.calibrated_probability >= threshold:
        return "aurora", "aurora" if clear else "aurora through cloud"
    return ("clear", "clear sky, no aurora") if clear else ("obscured", "cloud or snow")
