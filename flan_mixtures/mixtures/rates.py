"""How much weight each task of a mixture has, from how many rows it has.

Enters: parts with their rows. Leaves: task -> weight; the weights sum to 1, in the order of the parts. Effects: none.
Sources: proportional rates with a cap, and temperature: T5 (Raffel et al. 2020, section 3.5.2); the caps of the Flan
Collection: Longpre et al. 2023; UniMax: Chung et al. 2023, algorithm 1.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence

from t5x.errors import UserError, nearest

LEVELS = ("dataset", "task", "prompt")


@dataclasses.dataclass(frozen=True)
class Part:
    """One task of a mixture.

    Attributes:
      task: its name, unique in the mixture.
      dataset: where its rows come from; several tasks may share one.
      rows: training rows; 0 or more.
      prompt_of: where this is one prompt of several over the same task, as in P3, that task; else empty.
    """

    task: str
    dataset: str
    rows: int
    prompt_of: str = ""


@dataclasses.dataclass(frozen=True)
class Cap:
    """The most rows that a group of parts counts for.

    Attributes:
      level: what the rows are counted over. `prompt`: each part alone. `task`: the prompts of one task together.
        `dataset`: everything from one data set together, so that a data set with many prompts weighs no more.
      rows: 1 or more.
    """

    level: str
    rows: int

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UserError(
                f"A cap has the level {self.level!r}: expected one of {', '.join(LEVELS)}.{nearest(self.level, LEVELS)}"
            )
        if not self.rows > 0:
            raise UserError(
                f"A cap at {self.level} level has {self.rows} rows: expected at least 1. Leave the cap out for no cap."
            )


def proportional(parts: Sequence[Part], cap: Cap | None = None, temperature: float = 1.0) -> dict[str, float]:
    """Returns weights in proportion to (capped) rows, raised to 1 / temperature.

    Parts that share a cap divide it in proportion to their rows. A temperature above 1 evens the weights out.

    Raises:
      UserError: no parts, a task twice, negative rows, no rows at all, or a temperature that is not positive.
    """
    _check(parts)
    if not (temperature > 0 and math.isfinite(temperature)):
        raise UserError(
            f"The temperature is {temperature}: expected a positive number; 1 is proportional, more is more even."
        )
    counted = _capped(parts, cap) if cap else [float(part.rows) for part in parts]
    largest = max(counted) or 1.0  # scaled first, so that a small temperature cannot overflow
    return _normalised(parts, [(rows / largest) ** (1 / temperature) if rows else 0.0 for rows in counted])


def unimax(parts: Sequence[Part], draws: float, epochs: float) -> dict[str, float]:
    """Returns weights as even as they can be while no part is repeated more than `epochs` times.

    Args:
      parts: the tasks.
      draws: how many rows training will read in all.
      epochs: the most passes over any part; may be a fraction.

    Raises:
      UserError: as for `proportional`; numbers that are not positive; more draws than all parts hold at that bound.
    """
    _check(parts)
    for name, value in (("draws", draws), ("epochs", epochs)):
        if not (value > 0 and math.isfinite(value)):
            raise UserError(f"UniMax has {name} = {value}: expected a positive number.")
    most = epochs * sum(part.rows for part in parts)
    if draws > most * (1 + 1e-9):
        raise UserError(
            f"UniMax is asked for {draws:,.0f} rows, but the parts hold {most:,.0f} in {epochs:g} epochs: "
            "raise the epochs, train for fewer rows, or use `proportional`."
        )
    weights = [0.0] * len(parts)
    left = float(draws)
    smallest_first = sorted(range(len(parts)), key=lambda index: parts[index].rows)
    for done, index in enumerate(smallest_first):
        weights[index] = min(left / (len(parts) - done), epochs * parts[index].rows)
        left -= weights[index]
    return _normalised(parts, weights)


def fixed(parts: Sequence[Part], rates: Mapping[str, float]) -> dict[str, float]:
    """Returns the given rates, normalised.

    Raises:
      UserError: as for `proportional`; a rate for a task that is no part, a part without a rate, a negative rate.
    """
    _check(parts)
    tasks = [part.task for part in parts]
    for task, rate in rates.items():
        if task not in tasks:
            raise UserError(f"There is a rate for {task!r}, which is no task of the mixture.{nearest(task, tasks)}")
        if not (rate >= 0 and math.isfinite(rate)):
            raise UserError(f"The rate of task {task!r} is {rate}: expected 0 or a positive number.")
    for task in tasks:
        if task not in rates:
            raise UserError(f"Task {task!r} of the mixture has no rate: give it one; 0 leaves it out.")
    return _normalised(parts, [float(rates[task]) for task in tasks])


def _capped(parts: Sequence[Part], cap: Cap) -> list[float]:
    groups = [
        {"dataset": part.dataset, "task": part.prompt_of or part.task, "prompt": part.task}[cap.level] for part in parts
    ]
    totals: collections.Counter[str] = collections.Counter()
    for group, part in zip(groups, parts, strict=True):
        totals[group] += part.rows
    return [
        part.rows * min(1.0, cap.rows / totals[group]) if part.rows else 0.0
        for group, part in zip(groups, parts, strict=True)
    ]


def _normalised(parts: Sequence[Part], weights: Sequence[float]) -> dict[str, float]:
    total = math.fsum(weights)
    if not total > 0:
        raise UserError(
            f"All {len(parts)} tasks of the mixture have the weight 0, {parts[0].task!r} among them: at least one "
            "needs rows and a positive rate."
        )
    return {part.task: weight / total for part, weight in zip(parts, weights, strict=True)}


def _check(parts: Sequence[Part]) -> None:
    if not parts:
        raise UserError("The mixture has no parts: name at least one task whose data is there.")
    seen: set[str] = set()
    for part in parts:
        if part.task in seen:
            raise UserError(f"Task {part.task!r} is in the mixture twice: name it once.")
        seen.add(part.task)
        if part.rows < 0:
            raise UserError(f"Task {part.task!r} has {part.rows} rows: expected 0 or more.")
