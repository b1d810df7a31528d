"""What the page shows, as plain data: tasks with their shares, sampled examples, and what was lost to make them fit.

Effects: none.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

from flan_mixtures.explore.cut import Cut
from flan_mixtures.rendering.example import Example
from flan_mixtures.rendering.fit import Lengths


@dataclasses.dataclass(frozen=True)
class TaskView:
    """One task of the mixture.

    Attributes:
      asked, got: its share of the mixture, over all styles: what it was to have and what it has.
      rows: those that can be read here; those declared where none can; None where nobody knows.
      examples: how many of the examples that the page counts are its own, exactly.
      epochs: how often each of its rows is among them, on average.
      missing: why its data cannot be read here, or "".
    """

    task: str
    submixture: str
    cluster: str
    category: str
    licence: str
    rows: int | None
    asked: float
    got: float
    examples: int
    epochs: float
    missing: str


@dataclasses.dataclass(frozen=True)
class Sample:
    """A rendered example with the sizes of its texts, and what was cut from its row."""

    example: Example
    submixture: str
    inputs_tokens: int
    targets_tokens: int
    cuts: tuple[Cut, ...]


@dataclasses.dataclass(frozen=True)
class Losses:
    """What was lost among the sampled examples of a task.

    Attributes:
      sampled: how many rows were rendered, those that were left out included.
      shortened: field -> examples in which a part of it was left out.
      dropped_shots: exemplars that were left out, of all examples.
      with_dropped_shots: examples that lost exemplars.
      left_out: reason -> rows that are not used.
      inputs_tokens, targets_tokens: means.
    """

    sampled: int
    shortened: Mapping[str, int]
    dropped_shots: int
    with_dropped_shots: int
    left_out: Mapping[str, int]
    inputs_tokens: float
    targets_tokens: float


@dataclasses.dataclass(frozen=True)
class View:
    """Everything on the page.

    Attributes:
      unit: what lengths are counted in: `tokens` or `words`.
      counted: how many examples of the mixture the expected numbers are about.
    """

    mixture: str
    split: str
    seed: int
    lengths: Lengths
    unit: str
    source: str
    counted: int
    tasks: tuple[TaskView, ...]
    samples: tuple[Sample, ...]
    losses: Mapping[str, Losses]

    @property
    def submixtures(self) -> tuple[str, ...]:
        """The submixtures, in the mixture's order."""
        return tuple(dict.fromkeys(task.submixture for task in self.tasks))


def losses(samples: list[Sample], left_out: list[str]) -> Losses:
    """Returns what the examples of one task lost, and the rows that were left out, by reason."""
    shortened = collections.Counter(name for sample in samples for name in sample.example.shortened)
    dropped = [sample.example.dropped_shots for sample in samples if sample.example.dropped_shots]
    count = max(len(samples), 1)
    return Losses(
        sampled=len(samples) + len(left_out),
        shortened=shortened,
        dropped_shots=sum(dropped),
        with_dropped_shots=len(dropped),
        left_out=collections.Counter(left_out),
        inputs_tokens=sum(sample.inputs_tokens for sample in samples) / count,
        targets_tokens=sum(sample.targets_tokens for sample in samples) / count,
    )
