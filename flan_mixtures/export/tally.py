"""What happened to the rows of each task on their way into an export: used, left out, shortened.

Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from flan_mixtures.rendering.fit import Fitted, LeftOut

Counts = dict[str, dict[str, int]]


@dataclasses.dataclass
class Tally:
    """Counts per task.

    Attributes:
      examples: examples that were written.
      left_out: rows without an example, by reason.
      shortened: examples of which a part was left out, by field.
      dropped_exemplars: exemplars that were left out to fit.
    """

    examples: dict[str, int] = dataclasses.field(default_factory=dict)
    left_out: Counts = dataclasses.field(default_factory=dict)
    shortened: Counts = dataclasses.field(default_factory=dict)
    dropped_exemplars: dict[str, int] = dataclasses.field(default_factory=dict)

    def add(self, result: Fitted | LeftOut) -> None:
        """Counts what stood at one position."""
        if isinstance(result, LeftOut):
            _count(self.left_out.setdefault(result.task, {}), result.reason)
            return
        example = result.example
        _count(self.examples, example.task)
        for field in example.shortened:
            _count(self.shortened.setdefault(example.task, {}), field)
        if example.dropped_shots:
            _count(self.dropped_exemplars, example.task, example.dropped_shots)

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts with tasks in alphabetical order."""
        return {name: _sorted(counts) for name, counts in dataclasses.asdict(self).items()}


def _count(counts: dict[str, int], key: str, by: int = 1) -> None:
    counts[key] = counts.get(key, 0) + by


def _sorted(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _sorted(value) if isinstance(value, Mapping) else value for key, value in sorted(counts.items())}
