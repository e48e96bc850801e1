"""On a GPU, where one is at hand: the same answers, maps and mask by torch and by ONNX Runtime.

    python -m tests.bench gpu

Against the CPU's answers; against torch eager in float32 (the plain way), by batch; against the roofline of the
device's own matrix multiplication and memory, layer by layer; with the number of movies that have to be decoded
at once to feed it; and with a GPU that is lost on the way.
"""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from models import runtime
from models.preprocess import to_input
from tests.bench import ways
from tests.bench.figure import ROOT, Plan, Row, reason_of
from tests.bench.footage import night
from tests.bench.fused import fused
from tests.bench.ways import Floats
from training.export import probe_frames, relative_difference

WHAT = "GPU: logits + maps + mask, frames a second"
BATCH = 64
BATCHES = (1, 8, 64, 256)
PARITY = 1e-3
EAGER = "torch eager fp32"
TOLD: dict[runtime.Runtime, str] = {"torch": "torch", "onnx": "ONNX Runtime"}

Way = Callable[[], object]


def measure(plan: Plan) -> Iterator[Row]:
    """Frames a second each way; skipped with the reason where there is no GPU."""
    missing = runtime.no_gpu("torch")
    if missing:
        yield Row(WHAT, "–", "skipped", None, missing)
        return
    import torch

    if not torch.cuda.is_available():
        yield Row(WHAT, "–", "skipped", None, "this torch is built without CUDA")
        return
    name = torch.cuda.get_device_name()
    without = runtime.no_gpu("onnx")
    yield _parity(name, "torch")
    if not without:
        yield _parity(name, "onnx")
    rates, failed = {}, {}
    for batch in BATCHES[1:3] if plan.quick else BATCHES:
        ways_ = _torch_ways(batch) | ({} if without else _onnx_ways(batch))
        rates[batch] = {}
        for way, make in ways_.items():
            try:
                rates[batch][way] = _rate(make(), torch.cuda.synchronize, plan, batch)
            except Exception as error:  # whatever compilers and drivers raise: the others count all the same
                failed[way] = reason_of(error)
        told = ", ".join(f"{way} {rate:.0f}" for way, rate in rates[batch].items())
        yield Row(f"GPU: batches of {batch}, frames a second", "–", told, None, name)
    for way, reason in failed.items():
        yield Row(f"GPU: {way}", "–", "failed", None, reason)
    found = rates[BATCH]
    eager, best = found[EAGER], max(found, key=lambda way: found[way])
    roof = 1 / _roof_s(BATCH) * BATCH
    decode = _decode_rate(plan) if shutil.which("ffmpeg") else None
    missing = f"; {without}" if without else ""
    yield Row(
        WHAT,
        "≥ 5 × torch eager fp32",
        f"{found[best]:.0f} ({best}, {found[best] / eager:.1f} ×)",
        found[best] >= 5 * eager,
        f"{name}, batches of {BATCH}{missing}; {_feeding(found[best], decode)}",
    )
    yield Row(
        "GPU: share of the roofline in bf16",
        "≥ 40 %",
        f"{found[best] / roof:.0%}",
        found[best] >= 0.4 * roof,
        f"{roof:.0f} frames a second, were every layer at the speed of the device's memory or of its"
        " multiplication, each as measured here",
    )
    yield _lost(name)


def _feeding(rate: float, decode: float | None) -> str:
    """How many movies decoded at once feed the device."""
    if decode is None:
        return "no ffmpeg here to say what decodes its frames"
    return (
        f"one core decodes {decode:.0f} frames a second, a tenth of them sampled, so"
        f" {rate / (decode / 10):.0f} movies decoded at once feed it"
    )


def _parity(name: str, way: runtime.Runtime) -> Row:
    """The GPU's answers beside the CPU's, the greatest difference relative to each output's norm."""
    frames = probe_frames(16)
    on_gpu, on_cpu = (
        runtime.load(ways.model_file(), runtime=way, device=device)._engine.run(to_input(frames))
        for device in ("cuda", "cpu")
    )
    apart = {what: relative_difference(_wide(on_gpu[what]), _wide(on_cpu[what])) for what in on_cpu}
    worst = max(apart.values())
    told = ", ".join(f"{what} {difference:.0e}" for what, difference in apart.items())
    return Row(
        f"GPU: answers as on the CPU, by {TOLD[way]}",
        f"≤ {PARITY:.0e}",
        f"{worst:.1e}",
        worst <= PARITY,
        f"{name}: {told}",
    )


def _wide(found: Floats) -> Floats:
    """(N,) → (N, 1); else as it is."""
    return found[:, None] if found.ndim == 1 else found


def _lost(name: str) -> Row:
    """A process whose GPU fails under it goes on, on the CPU, without losing a frame."""
    done = subprocess.run([sys.executable, "-c", LOSE], capture_output=True, text=True, check=False, cwd=ROOT)
    said = (done.stdout.strip().splitlines() or [done.stderr.strip()[-200:]])[-1]
    return Row(
        "GPU lost on the way", "no frame lost", said, said.startswith("16 of 16 frames, on the cpu"), name
    )


LOSE = """
import torch
from models import runtime
from tests.bench import ways
from training.export import probe_frames
model = runtime.load(ways.model_file(), runtime="torch", device="cuda")
frames = probe_frames(16)
first = model.predict(frames)
try:  # an index out of bounds on the device: no call of this process reaches the GPU again
    torch.zeros(4, device="cuda")[torch.tensor([10**6], device="cuda")].sum().item()
except RuntimeError:
    pass
then = model.predict(frames)
same = sum(abs(a.probability - b.probability) < 1e-3 for a, b in zip(first, then))
print(f"{same} of {len(frames)} frames, on the {model.device}: {model.fallback_reason}")
"""


def _torch_ways(batch: int) -> dict[str, Callable[[], Way]]:
    """What makes each way ready; a way is one pass over a batch that lies on the device."""
    import torch

    engine = runtime.load(ways.model_file(), runtime="torch", device="cuda")._engine
    net = engine._net  # type: ignore[attr-defined]
    pixels = torch.from_numpy(to_input(probe_frames(batch))).cuda()
    last = pixels.to(memory_format=torch.channels_last)

    def bf16() -> object:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            return net(last)

    def compiled(network: torch.nn.Module) -> Way:
        half = copy.deepcopy(network).to(torch.bfloat16)
        return _inferring(torch.compile(half, mode="reduce-overhead"), last.bfloat16())

    made: dict[str, Callable[[], Way]] = {
        EAGER: lambda: _inferring(net, pixels),
        "bf16 channels-last": lambda: bf16,
        "bf16 CUDA graph": lambda: _graph(net, last),
    }
    if batch == BATCH:  # compiling takes a minute a shape
        made["bf16 compiled"] = lambda: compiled(net)
        made["bf16 compiled, convolutions as products and shifts"] = lambda: compiled(fused(net))
    return made


def _inferring(call: Callable[..., object], pixels: object) -> Way:
    import torch

    def run() -> object:
        with torch.inference_mode():
            return call(pixels)

    return run


def _graph(net: Callable[..., object], pixels: object) -> Way:
    """One forward pass captured as a CUDA graph: no launch costs."""
    import torch

    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
        with torch.cuda.stream(side):  # type: ignore[no-untyped-call]
            for _ in range(3):
                net(pixels)
        side.synchronize()
        with torch.cuda.graph(graph):
            net(pixels)
    return graph.replay


def _onnx_ways(batch: int) -> dict[str, Callable[[], Way]]:
    """aurorad's own way: from frames in memory to answers in memory, and the session alone, all on the device."""
    import torch

    frames = probe_frames(batch)

    def whole() -> Way:
        model = ways.aurorad(device="cuda")
        if model.device != "cuda":
            raise RuntimeError(model.fallback_reason)
        return lambda: model.predict(frames)

    def session() -> Way:
        ready = ways.aurorad(device="cuda")._engine._session  # type: ignore[attr-defined]
        pixels = torch.from_numpy(to_input(frames)).cuda().contiguous()
        bound = ready.io_binding()
        bound.bind_input("pixels", "cuda", 0, "float32", tuple(pixels.shape), pixels.data_ptr())
        for node in ready.get_outputs():
            bound.bind_output(node.name, "cuda")
        kept = (ready, pixels)  # the memory that is bound must outlive the calls
        return lambda: (ready.run_with_iobinding(bound), kept)

    return {"ONNX Runtime fp32, host to host": whole, "ONNX Runtime fp32": session}


def _rate(call: Way, wait: Way, plan: Plan, batch: int) -> float:
    """Frames a second, the median of the rounds."""
    for _ in range(3):
        call()
    wait()
    rates = []
    for _ in range(plan.runs):
        began = time.perf_counter()
        for _ in range(10):
            call()
        wait()
        rates.append(10 * batch / (time.perf_counter() - began))
    return sorted(rates)[len(rates) // 2]


def _roof_s(batch: int) -> float:
    """Seconds of a batch, were each convolution and linear layer as fast as the device can move its numbers or
    multiply them, whichever takes longer, in bf16, everything between them free.
    """
    import torch
    from torch import nn

    engine = runtime.load(ways.model_file(), runtime="torch", device="cuda")._engine
    net = engine._net  # type: ignore[attr-defined]
    flops, bytes_ = _roof_flops(), _roof_bytes()
    seconds: list[float] = []

    def seen(layer: nn.Module, given: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        weight = next(iter(layer.parameters()))
        moved = 2 * (given[0].numel() + out.numel() + weight.numel())
        each = weight[0].numel()  # multiplications for one output value
        seconds.append(max(moved / bytes_, 2 * each * out.numel() / flops))

    hooks = [
        layer.register_forward_hook(seen)
        for layer in net.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    with torch.inference_mode():
        net(torch.from_numpy(to_input(probe_frames(batch))).cuda())
    for hook in hooks:
        hook.remove()
    return sum(seconds)


def _roof_bytes() -> float:
    """Bytes a second that a copy within the device's memory moves, read and written."""
    import torch

    one = torch.empty(1 << 31, device="cuda", dtype=torch.uint8)
    other = torch.empty_like(one)
    other.copy_(one)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        other.copy_(one)
    torch.cuda.synchronize()
    return 10 * 2 * one.numel() / (time.perf_counter() - began)


def _roof_flops() -> float:
    """What the device reaches on one large bf16 product: as near to its roof as software gets."""
    import torch

    side = 8192
    one = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        one @ one
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        one @ one
    torch.cuda.synchronize()
    return 10 * 2 * side**3 / (time.perf_counter() - began)


def _decode_rate(plan: Plan) -> float:
    """Movie frames that one core decodes in a second."""
    frames = plan.pick(900, 600) // 10 * 10
    movie = night(frames)
    began = time.perf_counter()
    subprocess.run(
        ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(movie), "-f", "null", "-"], check=True
    )
    return frames / (time.perf_counter() - began)
