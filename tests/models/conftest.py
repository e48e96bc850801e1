"""What tests of the models share: a network that was never trained, but is alive, and frames for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.network import AuroraNet
from tests.living import living_net
from training.export import probe_frames

torch.set_num_threads(1)  # the tests share the cores with others; waiting threads would slow all


@pytest.fixture(scope="session")
def net() -> AuroraNet:
    """See :func:`tests.living.living_net`; tests do not change it."""
    return living_net()


@pytest.fixture
def frames() -> np.ndarray:
    """Three skies (3, 240, 240, 3) that no two are alike."""
    return probe_frames(3)
