"""A prediction → a verdict in words. Pure."""

from __future__ import annotations

from daemon.observation import Prediction, Verdict


def judge(prediction: Prediction, threshold: float) -> tuple[Verdict, str]:
    """A verdict and its reason. Aurora through cloud is aurora; no aurora under cloud is no answer."""
    clear = prediction.clear_probability >= 0.5
    if prediction.calibrated_probability >= threshold:
        return "aurora", "aurora" if clear else "aurora through cloud"
    return ("clear", "clear sky, no aurora") if clear else ("obscured", "cloud or snow")
