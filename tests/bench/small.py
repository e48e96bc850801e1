"""Small machines: what one thread does, and what the threads bring. Memory and start are in ``watching``."""

from __future__ import annotations

from functools import partial

from models.preprocess import to_input
from tests.bench import ways
from tests.bench.figure import Plan, Row, interleaved
from tests.bench.footage import skies


def measure(plan: Plan) -> list[Row]:
    """One frame's logits and map with 1, 2 and 4 threads."""
    frame, calls = skies(1), plan.pick(12, 2)
    models = {str(threads): ways.aurorad(threads) for threads in (1, 2, 4)}

    def look(model: object) -> None:
        for _ in range(calls):
            model.predict(frame)  # type: ignore[attr-defined]

    runs = interleaved({name: partial(look, model) for name, model in models.items()}, plan.runs)
    eight, run = to_input(skies(8)), ways.session(("logits", "maps"))
    passes = interleaved(
        {
            "one": lambda: run(eight),
            "eight": lambda: [run(eight[place : place + 1]) for place in range(8)],
        },
        plan.runs,
    )
    ms = {name: 1e3 * runs.median_s(name) / calls for name in models}
    cpu = {name: 1e3 * runs.median_s(name, cpu=True) / calls for name in models}
    return [
        Row(
            "one frame's logits + map by threads",
            "–",
            " / ".join(f"{ms[name]:.1f}" for name in models) + " ms",
            None,
            f"1 / 2 / 4 threads; CPU {' / '.join(f'{cpu[name]:.1f}' for name in models)} ms;"
            f" eight frames in one pass take {passes.ratio('one', 'eight'):.2f}× the time of eight passes"
            f" (CPU {passes.ratio('one', 'eight', cpu=True):.2f}×)",
        )
    ]
