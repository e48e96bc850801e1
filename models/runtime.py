"""A model file → answers, by ONNX Runtime or by torch, from the same file with the same results.

``load`` checks the file against its card and gives a :class:`Model`; ``Model.predict`` turns frames
into answers. A GPU is used where one really works. One that is lost on the way costs one batch's
time: the model is built again on the CPU and the batch repeated, and ``fallback_reason`` says so.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

import numpy as np

from models.card import SHIPPED, Card, ModelError, read_card, sha256_of
from models.engine import Engine, Floats, Gone, one_line
from models.labels import AURORA_HEAD, AURORA_OUTPUT, FORM_HEAD, SKY_HEAD, Head, has
from models.onnx_file import must_be_whole
from models.preprocess import SIDE, Pixels, Tensor, to_input
from models.torch_engine import TorchEngine

if TYPE_CHECKING:
    from types import ModuleType

    import onnxruntime  # noqa: TID251


Runtime = Literal["onnx", "torch"]
Device = Literal["auto", "cpu", "cuda"]

FORMLESS, FORMLESS_FROM = 0.2, 0.6
"""Light taken for aurora, and likely to have none of its forms, is doubted from that share of the card's distance limit
on: a lamp under a lens cap, a lawn out of focus. Of 297 made auroras that are seen 2 are, of 29 real ones none."""

MAX_BATCH: Final = {"cpu": 4, "cuda": 64}
"""Frames of one pass. On the CPU more are slower (eight by a tenth), and each takes about 28 MB of memory."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model says of one frame.

    ``logits`` (outputs,) in the card's order; ``probability`` the softmax of the aurora output,
    ``calibrated_probability`` the same after temperature; ``clear_probability`` the calibrated
    softmax of the sky-clear output, 1 from a model of two outputs, which is not asked about the sky;
    ``heatmap`` (8, 8) the Grad-CAM of the aurora output, its peak 1 (all 0 where it is empty);
    ``distance`` how far the picture is from those the model knows (they lie near 1; 0 from a model that
    does not measure it), ``doubted`` whether that is over its card's limit (an aurora of no form: :data:`FORMLESS`);
    ``mask`` (60, 60) the probability of aurora in each place of the picture, ``forms`` (6,) that of each form
    (``labels.FORMS``), should there be aurora; both None from a model without that head.
    """

    logits: Floats
    probability: float
    calibrated_probability: float
    clear_probability: float
    heatmap: Floats
    distance: float = 0.0
    doubted: bool = False
    mask: Floats | None = None
    forms: Floats | None = None


class Model:
    """A loaded model. ``device`` is where it runs now, ``fallback_reason`` why not on the GPU.

    ``predict`` may be called from several threads.
    """

    def __init__(
        self,
        card: Card,
        engine: Engine,
        on_cpu: Callable[[], Engine],
        fallback_reason: str | None = None,
    ) -> None:
        self.card = card
        self.sha256 = card.sha256
        self.fallback_reason = fallback_reason
        self._engine = engine
        self._on_cpu = on_cpu
        self._mending = threading.Lock()

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return self._engine.device

    def predict(self, squares: Pixels) -> list[Answer]:
        """(N, 240, 240, 3) uint8 BGR as from ``preprocess.shrink`` → N answers.

        Raises ValueError for another shape, ModelError where the model cannot run or answers nonsense.
        """
        side = self.card.side
        if squares.ndim != 4 or squares.shape[1:] != (side, side, 3):
            raise ValueError(f"frames are (N, {side}, {side}, 3), these are {squares.shape}")
        answers: list[Answer] = []
        start = 0
        while start < len(squares):
            batch = squares[start : start + MAX_BATCH[self.device]]
            found = self._run(to_input(batch, self.card.mean, self.card.std))
            if not all(np.isfinite(one).all() for one in found.values()):
                raise ModelError(f"{self.card.name} answered with values that are not numbers")
            answers += [
                answer(self.card, {name: values[index] for name, values in found.items()})
                for index in range(len(batch))
            ]
            start += len(batch)
        return answers

    def _run(self, tensor: Tensor) -> Mapping[str, Floats]:
        engine = self._engine
        try:
            return engine.run(tensor)
        except Gone as gone:
            if engine.device == "cpu":
                raise ModelError(f"{self.card.name} cannot run: {one_line(gone)}") from gone
            with self._mending:
                if self._engine is engine:  # else another thread has mended it meanwhile
                    self.fallback_reason = f"the GPU was lost: {one_line(gone)}"
                    self._engine = self._on_cpu()
            return self._run(tensor)


def answer(card: Card, found: Mapping[str, Floats]) -> Answer:
    """One frame's part of what the graph gave (:meth:`Engine.run`) → its answer."""
    logits, maps = found["logits"], found["maps"]
    peak = float(maps[AURORA_OUTPUT].max())
    distance = float(found.get("distance", 0.0))
    aurora = logits[AURORA_HEAD.span]
    forms = each_of(logits[FORM_HEAD.span]) if _has(card, FORM_HEAD) else None
    calibrated = second_of(aurora, card.temperature)
    formless = forms is not None and calibrated >= card.thresholds.lowest and float(forms.max()) < FORMLESS
    return Answer(
        logits=logits,
        probability=second_of(aurora),
        calibrated_probability=calibrated,
        clear_probability=second_of(logits[SKY_HEAD.span], card.sky_temperature)
        if _has(card, SKY_HEAD)
        else 1.0,
        heatmap=maps[AURORA_OUTPUT] / np.float32(peak) if peak > 0 else np.zeros_like(maps[AURORA_OUTPUT]),
        distance=distance,
        doubted=card.distance_limit is not None
        and distance > card.distance_limit * (FORMLESS_FROM if formless else 1),
        mask=found.get("mask"),
        forms=forms,
    )


def _has(card: Card, head: Head) -> bool:
    return has(head, card.outputs)


def each_of(logits: Floats) -> Floats:
    """The sigmoid of every logit."""
    return np.asarray(0.5 * (1 + np.tanh(logits / 2)), np.float32)


def second_of(pair: Floats, temperature: float = 1.0) -> float:
    """The softmax of the second of two logits, each divided by ``temperature``."""
    return float(0.5 * (1 + np.tanh((float(pair[1]) - float(pair[0])) / (2 * temperature))))


def load(
    path: Path | None = None, runtime: Runtime = "onnx", device: Device = "auto", threads: int = 2
) -> Model:
    """Load a model file (none: the shipped one), its card beside it, and make it ready.

    ``auto`` takes a GPU where one works and says nothing where there is none; ``cuda`` gives a
    ``fallback_reason`` there. Raises ModelError: missing, altered, of the wrong shape, no torch.
    """
    path = path or SHIPPED
    if not path.is_file():
        raise ModelError(
            f"no model file at {path}: name one with [model] path, or make one with `aurorad-train export`"
        )
    card = read_card(path)
    found = sha256_of(path)
    if found != card.sha256:
        raise ModelError(
            f"{path} is not the file its card describes (sha256 {found[:12]}…, the card says "
            f"{card.sha256[:12]}…): copy both again"
        )
    try:
        must_be_whole(path.read_bytes())
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if card.side != SIDE:
        raise ModelError(f"{path} takes {card.side} px frames, aurorad's are {SIDE} px: export it again")
    build: type[OnnxEngine] | type[TorchEngine] = OnnxEngine if runtime == "onnx" else TorchEngine
    missing = None if device == "cpu" else no_gpu(runtime)
    if device == "cpu" or missing:
        engine: Engine = build(path, card, "cpu", threads)
        return Model(card, engine, lambda: engine, missing if device == "cuda" else None)
    try:
        engine, reason = build(path, card, "cuda", threads), None
    except Gone as gone:
        engine, reason = build(path, card, "cpu", threads), f"the GPU cannot be used: {one_line(gone)}"
    return Model(card, engine, lambda: build(path, card, "cpu", threads), reason)


def no_gpu(runtime: Runtime) -> str | None:
    """Why no GPU can be used here, None where one may. Asks the driver; costs nothing without one."""
    if not sys.platform.startswith("linux"):
        return "GPUs are used on Linux only"
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value < 1:
        return "the NVIDIA driver finds no GPU"
    if runtime == "onnx" and "CUDAExecutionProvider" not in onnx_runtime().get_available_providers():
        return "this ONNX Runtime is built without CUDA: install onnxruntime-gpu instead"
    return None


def onnx_runtime() -> ModuleType:
    """ONNX Runtime with its telemetry off; nothing here imports it in another way.

    From 1.29 on its official builds would report each session to its makers, under an identifier
    kept in the home folder, and do so from the import on unless the environment forbids it.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: TID251

    onnxruntime.disable_telemetry_events()  # where it is not the environment that decides (Windows)
    return cast("ModuleType", onnxruntime)


class OnnxEngine:
    """The graph on ONNX Runtime."""

    def __init__(self, path: Path, card: Card, device: str, threads: int) -> None:
        onnxruntime = onnx_runtime()
        self.device = device
        with _quiet(onnxruntime):
            self._session = _session(onnxruntime, path, device, threads)
        if device == "cuda" and self._session.get_providers()[0] != "CUDAExecutionProvider":
            raise Gone("ONNX Runtime could not start CUDA; is the `gpu` extra installed?")
        self._session.disable_fallback()  # it would print and go on; here the loss is told
        self._errors = _onnx_errors()
        self._names = _check_shapes(self._session, path, card)

    def run(self, tensor: Tensor) -> Mapping[str, Floats]:
        """See :class:`Engine`."""
        try:
            found = self._session.run(self._names, {"pixels": tensor})
        except self._errors as error:
            raise Gone(str(error)) from error
        return dict(zip(self._names, found, strict=True))


def _session(onnxruntime: ModuleType, path: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(threads, cores())
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Threads spin for each other within a run, a quarter less time and no more CPU than sleeping between
    # layers, and stop with it: a watching daemon waits most of the time and must not burn a core for it.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Patterns are kept per batch size; without them a session stays 15 MB smaller and as fast.
    options.enable_mem_pattern = False
    _share_one_arena(onnxruntime)
    options.add_session_config_entry("session.use_env_allocators", "1")
    providers: list[object] = ["CPUExecutionProvider"]
    if device == "cuda":
        onnxruntime.preload_dlls()
        # No TF32: the CPU, the GPU and torch shall give the same results.
        providers.insert(
            0, ("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})
        )
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except _onnx_errors() as error:
        if device == "cuda":
            raise Gone(str(error)) from error
        raise ModelError(f"{path} is not a model ONNX Runtime can load: {one_line(error)}") from error


@lru_cache(maxsize=1)
def _share_one_arena(onnxruntime: ModuleType) -> None:
    """Sessions' memory on the CPU, taken as it is needed: their own would double each time, and hold 6 MB more."""
    as_asked = 1  # of onnxruntime's ArenaExtendStrategy
    onnxruntime.create_and_register_allocator(
        onnxruntime.OrtMemoryInfo(
            "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
        ),
        onnxruntime.OrtArenaCfg(0, as_asked, -1, -1),
    )


def cores() -> int:
    """Processor cores this process may use: threads beyond them would wait for each other in turn."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _quiet(onnxruntime: ModuleType) -> Iterator[None]:
    """Keep ONNX Runtime's own lines off standard error while a provider is tried."""
    onnxruntime.set_default_logger_severity(4)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(2)  # its own default


def _onnx_errors() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions, which share no base."""
    state = onnx_runtime().capi.onnxruntime_pybind11_state
    names = ("EPFail", "EngineError", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf",
             "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException")  # fmt: skip
    return tuple(getattr(state, name) for name in names)


def _check_shapes(session: onnxruntime.InferenceSession, path: Path, card: Card) -> list[str]:
    """The graph's outputs by name. A model whose card has a limit on the distance, or on the mask, must give it."""
    outputs, grid = len(card.outputs), card.side // 32 + (card.side % 32 > 0)
    wanted = {
        "pixels": [3, card.side, card.side],
        "logits": [outputs],
        "maps": [outputs, grid, grid],
    }
    found = {node.name: list(node.shape[1:]) for node in (*session.get_inputs(), *session.get_outputs())}
    if "distance" in found or card.distance_limit is not None:
        wanted["distance"] = []
    if "mask" in found or card.mask_threshold is not None:
        wanted["mask"] = [card.side // 4, card.side // 4]
    if found != wanted:
        raise ModelError(f"{path} is not of aurorad's shape: it has {found}, the card asks for {wanted}")
    return [name for name in wanted if name != "pixels"]
