"""Measures pieces of work in turn, so that a drift of the machine's speed meets all of them.

Enters: a workload. Leaves: seconds per step, of every repeat. Effects: the clock.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

from t5x.benchmark.hugging_face import hugging_face_steps
from t5x.benchmark.workload import Workload

# A repeat runs so many steps that it takes about this long: a clock's tick and one call's overhead are then nothing.
_SECONDS_PER_REPEAT = 0.3
_MOST_STEPS = 100

Work = Callable[[int], None]


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds per step, one number a repeat."""

    seconds: tuple[float, ...]
    steps: int  # of each repeat

    @property
    def least(self) -> float:
        """The fastest repeat: what the machine can do undisturbed."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The middle repeat."""
        return statistics.median(self.seconds)


def measure(workload: Workload, repeats: int, compare_hf: bool) -> dict[str, Timing]:
    """Returns a timing for each piece of work, by name; Hugging Face's begin with `hf `."""
    pieces: dict[str, Work] = {
        "train step": workload.train,
        "eval step": workload.evaluate,
        "greedy decoding": workload.sample_greedily,
        "beam search, 1 beam": workload.search_one_beam,
    }
    if compare_hf:
        pieces |= hugging_face_steps(workload.config, workload.shape)
    return time_in_turn(pieces, repeats)


def time_in_turn(pieces: dict[str, Work], repeats: int) -> dict[str, Timing]:
    """Runs every piece once per round, after a round that compiles and one that tells how long a step takes."""
    steps = {}
    for name, work in pieces.items():
        work(1)
        steps[name] = min(_MOST_STEPS, max(1, round(_SECONDS_PER_REPEAT / _seconds(work, 1))))
    taken: dict[str, list[float]] = {name: [] for name in pieces}
    for _ in range(repeats):
        for name, work in pieces.items():
            taken[name].append(_seconds(work, steps[name]) / steps[name])
    return {name: Timing(tuple(seconds), steps[name]) for name, seconds in taken.items()}


def _seconds(work: Work, steps: int) -> float:
    start = time.perf_counter()
    work(steps)
    return time.perf_counter() - start
