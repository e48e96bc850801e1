"""One preprocessing for training and watching."""

from __future__ import annotations

import numpy as np
import pytest
from torchvision.transforms import v2

from models.preprocess import MEAN, SIDE, STD, disc_mask, shrink, to_input


def test_to_input_is_torchvisions_normalisation() -> None:
    """BGR bytes become what torchvision makes of the same picture in RGB."""
    import torch

    draw = np.random.default_rng(0)
    batch = draw.integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    rgb = torch.from_numpy(batch[..., ::-1].copy()).permute(0, 3, 1, 2)
    expected = v2.Normalize(MEAN, STD)(v2.functional.to_dtype(rgb, torch.float32, scale=True))
    np.testing.assert_allclose(to_input(batch), expected.numpy(), atol=1e-6)


def test_shrink_blackens_the_outside_and_keeps_the_inside() -> None:
    """A white square becomes a white disc on black, one pixel short of the edge."""
    disc = shrink(np.full((720, 720, 3), 255, np.uint8))
    mask = disc_mask(SIDE)
    assert disc.shape == (SIDE, SIDE, 3)
    assert (disc[mask] == 255).all()
    assert (disc[~mask] == 0).all()
    assert mask[SIDE // 2, 1]
    assert not mask[SIDE // 2, 0]


def test_a_disc_already_cut_and_one_not_yet_cut_give_the_same_frame() -> None:
    """Masking before shrinking, as the daemon does, changes no pixel of the result."""
    draw = np.random.default_rng(1)
    whole = draw.integers(0, 256, (720, 720, 3), dtype=np.uint8)
    y, x = np.mgrid[:720, :720] - 359.5
    cut = np.where((np.hypot(x, y) <= 360)[..., None], whole, 0).astype(np.uint8)
    np.testing.assert_array_equal(shrink(cut), shrink(whole))


def test_shrink_averages_over_area() -> None:
    """A star of one pixel fades to its share of nine and does not vanish or flicker."""
    sky = np.zeros((720, 720, 3), np.uint8)
    sky[361, 361] = 255
    assert shrink(sky)[120, 120].tolist() == [28, 28, 28]


def test_shrink_leaves_its_input_alone() -> None:
    """A frame of the right size is copied before it is masked."""
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    shrink(white)
    assert (white == 255).all()


@pytest.mark.parametrize(
    "wrong", [np.zeros((10, 12, 3), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))]
)
def test_what_is_no_sky_disc_is_refused(wrong: np.ndarray) -> None:
    """A picture that is not square, not in colour or not of bytes raises ValueError."""
    with pytest.raises(ValueError, match="sky disc"):
        shrink(wrong)


@pytest.mark.parametrize("wrong", [np.zeros((240, 240, 3), np.uint8), np.zeros((1, 240, 240, 3))])
def test_what_is_no_batch_is_refused(wrong: np.ndarray) -> None:
    """A single frame or a batch of floats raises ValueError."""
    with pytest.raises(ValueError, match="batch"):
        to_input(wrong)
