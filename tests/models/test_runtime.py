"""A model file becomes answers, the same by either runtime, whatever happens to the GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from models.card import SHIPPED, ModelError, Thresholds, card_path, read_card, sha256_of
from models.engine import Gone
from models.runtime import Answer, Model, OnnxEngine, load, no_gpu
from models.runtime import answer as answer_of
from tests.pace import nominal_cpu_s
from training.export import relative_difference, write_card


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file, device="cpu", threads=1)


@pytest.fixture
def copied(model_file: Path, tmp_path: Path) -> Path:
    """A copy of the model and its card that a test may spoil."""
    path = tmp_path / "copy.onnx"
    shutil.copy(model_file, path)
    shutil.copy(card_path(model_file), card_path(path))
    return path


def spoil(path: Path, content: bytes) -> None:
    """Write other bytes under a model's name, with a card that vouches for them."""
    path.write_bytes(content)
    write_card(replace(read_card(path), sha256=sha256_of(path)), path)


def same(one: Answer, other: Answer) -> None:
    np.testing.assert_allclose(one.logits, other.logits, rtol=1e-4, atol=1e-5)
    assert relative_difference(one.heatmap[None, None], other.heatmap[None, None]) < 1e-4
    assert one.probability == pytest.approx(other.probability, abs=1e-5)
    assert one.clear_probability == pytest.approx(other.clear_probability, abs=1e-5)


def test_both_runtimes_give_the_same_answers(model: Model, model_file: Path, frames: np.ndarray) -> None:
    """ONNX Runtime and torch agree on logits, probabilities and maps, read from one file."""
    by_torch = load(model_file, runtime="torch", device="cpu", threads=1)
    answers = model.predict(frames)
    for one, other in zip(answers, by_torch.predict(frames), strict=True):
        same(one, other)
    assert np.ptp([one.probability for one in answers]) > 0.01, "all frames alike would compare nothing"


def test_an_answer_is_the_softmax_of_its_pairs(copied: Path, frames: np.ndarray) -> None:
    """Probability is the plain softmax, the calibrated ones are divided by the card's temperatures."""
    write_card(replace(read_card(copied), temperature=2.0, sky_temperature=4.0), copied)
    for answer in load(copied, device="cpu", threads=1).predict(frames):
        none, aurora, cloudy, clear = (float(one) for one in answer.logits)
        assert answer.probability == pytest.approx(np.exp(aurora) / (np.exp(none) + np.exp(aurora)))
        assert answer.calibrated_probability == pytest.approx(1 / (1 + np.exp((none - aurora) / 2)))
        assert answer.clear_probability == pytest.approx(1 / (1 + np.exp((cloudy - clear) / 4)))


@pytest.mark.parametrize(
    ("aurora", "likeliest_form", "distance", "doubted"),
    [(4, 0.1, 1.1, True), (4, 0.1, 0.9, False), (4, 0.5, 1.1, False), (-4, 0.1, 1.1, False), (4, 0.5, 1.8, True)],
)  # fmt: skip
def test_an_aurora_without_a_form_is_doubted_sooner(
    aurora: float, likeliest_form: float, distance: float, doubted: bool
) -> None:
    """Far from what is known; a picture that is known, a form, no aurora, or none of them: as before."""
    card = replace(read_card(SHIPPED), distance_limit=1.7)
    form = np.log(likeliest_form / (1 - likeliest_form))
    logits = np.array([0, aurora, 0, 0, form, *[-6] * 5], np.float32)
    found = {"logits": logits, "maps": np.zeros((10, 8, 8), np.float32), "distance": np.float32(distance)}
    assert answer_of(card, found).doubted is doubted


def test_what_one_cell_alone_takes_for_aurora_is_asked_for_its_form_too() -> None:
    """The watch goes by the threshold of the sky's cell, which may lie under a half."""
    plain = replace(read_card(SHIPPED), distance_limit=1.7, temperature=1.0)
    low = replace(plain, thresholds=Thresholds(0.5, {"night/none": 0.2}))
    logits = np.array([0, -1, 0, 0, *[-6] * 6], np.float32)
    found = {"logits": logits, "maps": np.zeros((10, 8, 8), np.float32), "distance": np.float32(1.1)}
    assert [answer_of(card, found).doubted for card in (plain, low)] == [False, True]


def _lawn(rng: np.random.Generator) -> np.ndarray:
    """Out of focus, green all over."""
    smooth = cv2.GaussianBlur(rng.random((240, 240)), (0, 0), rng.uniform(6, 20))
    blades = (smooth - smooth.min()) / np.ptp(smooth)
    return 90 * np.dstack([0.3 + 0.5 * blades, 0.8 + 0.8 * blades, 0.2 + 0.4 * blades])


def _lamp(rng: np.random.Generator) -> np.ndarray:
    """A green lamp near the lens of a camera that is covered."""
    y, x = np.mgrid[0:240, 0:240] - 120.0
    blob = np.exp(-((x - rng.uniform(-40, 40)) ** 2 + (y - rng.uniform(-40, 40)) ** 2) / 2 / 20**2)
    return 8 + 200 * blob[..., None] * np.array([0.05, 1.0, 0.2])


@pytest.mark.parametrize("draw", [_lawn, _lamp])
def test_what_is_green_and_no_sky_is_doubted(draw: Callable[[np.random.Generator], np.ndarray]) -> None:
    """Of twenty that the shipped model takes for aurora most: three in four are doubted."""
    rng, inside = np.random.default_rng(4), np.hypot(*(np.mgrid[0:240, 0:240] - 120.0)) < 119
    drawn = [(draw(rng) + rng.normal(0, 4, (240, 240, 3))) * inside[..., None] for _ in range(20)]
    squares = np.clip(drawn, 0, 255).astype(np.uint8)
    taken = [one for one in load(None, device="cpu", threads=1).predict(squares) if one.probability >= 0.5]
    assert len(taken) >= 8, "nothing to doubt"
    assert sum(one.doubted for one in taken) >= 0.75 * len(taken)


def test_the_heatmap_peaks_at_one(model: Model, frames: np.ndarray) -> None:
    """Every map is 8×8, not below 0, and scaled to its peak."""
    for answer in model.predict(frames):
        assert answer.heatmap.shape == (8, 8)
        assert answer.heatmap.max() == pytest.approx(1)
        assert answer.heatmap.min() >= 0


def test_a_batch_of_any_size_gives_each_frame_its_own_answer(model: Model, frames: np.ndarray) -> None:
    """More frames than one pass holds, one frame, and none."""
    many = np.concatenate([frames, frames[::-1], frames, frames[:1]])
    answers = model.predict(many)
    assert len(answers) == len(many) == 10
    same(answers[3], answers[2])
    same(answers[9], model.predict(frames[:1])[0])
    assert model.predict(many[:0]) == []


def test_frames_of_another_size_are_refused(model: Model) -> None:
    """A square of the wrong side never reaches the network."""
    with pytest.raises(ValueError, match=r"\(N, 240, 240, 3\)"):
        model.predict(np.zeros((1, 224, 224, 3), np.uint8))


def test_the_file_is_small_and_loads_at_once(model_file: Path) -> None:
    """At most 30 MB, and under a second of work from file to ready, checksum included."""
    assert model_file.stat().st_size < 30e6
    assert nominal_cpu_s(lambda: load(model_file, device="cpu", threads=1), 1) < 1


def test_a_missing_model_names_the_mend(tmp_path: Path) -> None:
    """No file: the error says where it was looked for and how to get one."""
    with pytest.raises(ModelError, match=r"no model file at .*gone\.onnx: name one with \[model\] path"):
        load(tmp_path / "gone.onnx")


def test_an_altered_model_is_refused(copied: Path) -> None:
    """One flipped byte, and the file is not what its card describes."""
    content = bytearray(copied.read_bytes())
    content[len(content) // 2] ^= 1
    copied.write_bytes(content)
    with pytest.raises(ModelError, match="is not the file its card describes"):
        load(copied)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_file_that_is_no_model_is_refused(copied: Path, runtime: str) -> None:
    """Text under a model's name gives one line."""
    spoil(copied, b"<html>not found</html>")
    with pytest.raises(ModelError) as caught:
        load(copied, runtime=runtime, device="cpu")
    assert "\n" not in str(caught.value)
    assert "copy.onnx" in str(caught.value)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_model_of_another_shape_is_refused(copied: Path, runtime: str) -> None:
    """A sound ONNX file that is not aurorad's network is refused by its shape."""
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "other", [x], [y])
    other = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    spoil(copied, other.SerializeToString())
    with pytest.raises(ModelError, match="is not of aurorad's shape"):
        load(copied, runtime=runtime, device="cpu")


def test_a_card_that_promises_other_outputs_is_refused(copied: Path) -> None:
    """A file of four outputs under a card of two does not load."""
    write_card(replace(read_card(copied), outputs=("none", "aurora")), copied)
    with pytest.raises(ModelError, match="is not of aurorad's shape"):
        load(copied, device="cpu")


def test_a_gpu_that_is_not_there_is_said_only_where_it_was_asked_for(model_file: Path) -> None:
    """Without a GPU `auto` is content with the CPU, `cuda` tells why it had to be."""
    if no_gpu("onnx") is None:
        pytest.skip("this machine has a GPU")
    assert load(model_file, device="auto").fallback_reason is None
    asked = load(model_file, device="cuda")
    assert asked.device == "cpu"
    assert asked.fallback_reason in ("no NVIDIA driver is installed", "the NVIDIA driver finds no GPU")


class DyingGpu:
    """An engine on a GPU that falls off the bus after some passes."""

    device = "cuda"

    def __init__(self, engine: OnnxEngine, passes: int) -> None:
        self.engine, self.passes = engine, passes

    def run(self, tensor: np.ndarray) -> Mapping[str, np.ndarray]:
        """Fail as a lost GPU does, once the passes are used up."""
        if self.passes == 0:
            raise Gone("CUDA failure 999: unknown error ;\nGPU=0")
        self.passes -= 1
        return self.engine.run(tensor)


def test_a_lost_gpu_costs_no_frame(model: Model, model_file: Path, frames: np.ndarray) -> None:
    """The batch that met the loss is answered by the CPU, and so is everything after it."""
    built: list[OnnxEngine] = []

    def on_cpu() -> OnnxEngine:
        built.append(OnnxEngine(model_file, model.card, "cpu", 1))
        return built[-1]

    gpu = DyingGpu(OnnxEngine(model_file, model.card, "cpu", 1), passes=1)
    lame = Model(model.card, gpu, on_cpu)
    lame.predict(frames)
    assert (lame.device, lame.fallback_reason) == ("cuda", None)
    for one, other in zip(lame.predict(frames), model.predict(frames), strict=True):
        same(one, other)
    assert lame.device == "cpu"
    assert lame.fallback_reason == "the GPU was lost: CUDA failure 999: unknown error ; GPU=0"
    lame.predict(frames)
    assert len(built) == 1


def test_a_cpu_that_cannot_run_is_an_error(model: Model, frames: np.ndarray) -> None:
    """On the CPU there is nothing to fall back to: the failure is told, not repeated for ever."""
    broken = DyingGpu(None, passes=0)  # type: ignore[arg-type]
    broken.device = "cpu"
    with pytest.raises(ModelError, match="cannot run: CUDA failure"):
        Model(model.card, broken, lambda: broken).predict(frames)


def test_answers_that_are_not_numbers_are_an_error(model: Model, frames: np.ndarray) -> None:
    """A network that overflows does not become a probability."""

    class Overflowing:
        device = "cpu"

        def run(self, tensor: np.ndarray) -> Mapping[str, np.ndarray]:
            logits = np.full((len(tensor), 4), np.nan, np.float32)
            return {"logits": logits, "maps": np.zeros((len(tensor), 4, 8, 8), np.float32)}

    engine = Overflowing()
    with pytest.raises(ModelError, match="not numbers"):
        Model(model.card, engine, lambda: engine).predict(frames)


def test_watching_needs_no_torch_and_prints_nothing(model_file: Path) -> None:
    """The ONNX runtime answers in a process where torch cannot be imported, in silence and little memory."""
    code = (
        "import sys, json; sys.modules['torch'] = sys.modules['torchvision'] = None\n"
        "from pathlib import Path; import numpy as np; from models.runtime import load\n"
        f"model = load(Path({str(model_file)!r}), device='cuda')\n"
        "model.predict(np.zeros((1, 240, 240, 3), np.uint8))\n"
        "pages = int(open('/proc/self/statm').read().split()[1])\n"
        "print(json.dumps(pages * 4096))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    if no_gpu("onnx") is not None:
        assert json.loads(done.stdout) < 250e6


def test_the_torch_runtime_without_torch_names_the_mend(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for where torch is not installed, it says what to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"install aurorad\[training\]"):
        load(model_file, runtime="torch", device="cpu")


def test_nothing_is_reported_to_anybody(model_file: Path, tmp_path: Path) -> None:
    """ONNX Runtime writes no identifier into the home folder and opens no socket.

    In the surroundings of an ordinary owner: it keeps silent by itself where CI or a test runner says so.
    """
    code = (
        "import os, sys; from pathlib import Path; import numpy as np; from models.runtime import load\n"
        "load(Path(sys.argv[1]), device='cpu', threads=1).predict(np.zeros((1, 240, 240, 3), np.uint8))\n"
        "fds = [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[:-1]]\n"
        "sys.exit(str([fd for fd in fds if 'socket' in fd or '.db' in fd] or '') or 0)\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    words = [sys.executable, "-B", "-c", code, str(model_file)]
    surroundings = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
