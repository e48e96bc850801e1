"""On a GPU, where one is at hand: the same closed-form map by torch and by ONNX Runtime.

Against torch eager in float32 (the plain way), against the roofline of the device's own matrix
multiplication, and with the number of movies that have to be decoded at once to feed it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from models import runtime
from models.preprocess import to_input
from tests.bench import ways
from tests.bench.figure import Plan, Row
from tests.bench.footage import night
from training.export import probe_frames

WHAT = "GPU: logits + map, frames a second"
BATCH = 64
FLOPS = 1.2e9
"""Multiplications and additions of EfficientNet-B1 on one 240 × 240 frame, twice its 0.59 G (torchvision)."""


def measure(plan: Plan) -> list[Row]:
    """Frames a second each way; skipped with the reason where there is no GPU."""
    missing = runtime.no_gpu("torch")
    if missing:
        return [Row(WHAT, "–", "skipped", None, missing)]
    import torch

    if not torch.cuda.is_available():
        return [Row(WHAT, "–", "skipped", None, "this torch is built without CUDA")]
    rates = _torch_rates(plan) | _onnx_rate(plan)
    eager = rates["torch eager fp32"]
    best = max(rates, key=lambda name: rates[name])
    roof = _roof_flops() / FLOPS
    decode = _decode_rate(plan)
    told = ", ".join(f"{name} {rate:.0f} ({rate / eager:.1f}×)" for name, rate in rates.items())
    return [
        Row(
            WHAT,
            "–",
            f"{rates[best]:.0f} ({best})",
            None,
            f"{torch.cuda.get_device_name()}, batches of {BATCH}: {told}; the roof of bf16 multiplication is {roof:.0f};"
            f" one core decodes {decode:.0f} frames a second, a tenth of them sampled, so"
            f" {rates[best] / (decode / 10):.0f} movies decoded at once feed it",
        )
    ]


def _torch_rates(plan: Plan) -> dict[str, float]:
    import torch

    engine = runtime.load(ways.model_file(), runtime="torch", device="cuda")._engine
    net = engine._net  # type: ignore[attr-defined]
    pixels = torch.from_numpy(to_input(probe_frames(BATCH))).cuda()
    last = pixels.to(memory_format=torch.channels_last)

    def bf16(call: Callable[..., object]) -> Callable[[], object]:
        def run() -> object:
            with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
                return call(last)

        return run

    def eager() -> object:
        with torch.inference_mode():
            return net(pixels)

    compiled = torch.compile(net, mode="max-autotune-no-cudagraphs")
    captured = _graph(net, last)
    return {
        name: _rate(call, torch.cuda.synchronize, plan)
        for name, call in (
            ("torch eager fp32", eager),
            ("bf16 channels-last", bf16(net)),
            ("bf16 compiled", bf16(compiled)),
            ("bf16 CUDA graph", captured),
        )
    }


def _graph(net: Callable[..., object], pixels: object) -> Callable[[], object]:
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


def _onnx_rate(plan: Plan) -> dict[str, float]:
    model = ways.aurorad(device="cuda")
    if model.device != "cuda":
        return {}
    frames = probe_frames(BATCH)
    return {"aurorad on ONNX Runtime, host to host": _rate(lambda: model.predict(frames), lambda: None, plan)}


def _rate(call: Callable[[], object], wait: Callable[[], object], plan: Plan) -> float:
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
        rates.append(10 * BATCH / (time.perf_counter() - began))
    return sorted(rates)[len(rates) // 2]


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
