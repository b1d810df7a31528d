"""What was looked at and taken out, by task. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from flan_mixtures.decontaminate.decontaminator import Match


@dataclasses.dataclass(frozen=True)
class Removal:
    """One row that was taken out: by name, with a `reason`, or by its text, with a `match`."""

    row_id: str
    reason: str
    match: Match | None


@dataclasses.dataclass
class TaskReport:
    """The rows of one task: how many were checked, and those that were removed, in their order."""

    task: str
    checked: int = 0
    removed: list[Removal] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Report:
    """What decontamination did, by task name, sorted."""

    tasks: tuple[TaskReport, ...]

    @property
    def checked(self) -> int:
        """How many rows were looked at."""
        return sum(task.checked for task in self.tasks)

    @property
    def removed(self) -> int:
        """How many rows were taken out."""
        return sum(len(task.removed) for task in self.tasks)

    def lines(self, examples: int = 2) -> Iterator[str]:
        """Yields the report as text: a line per task, and under it up to `examples` of the rows that were taken out."""
        for task in self.tasks:
            yield f"{task.task}: {len(task.removed):,} of {task.checked:,} rows removed"
            for removal in task.removed[:examples]:
                why = f"{removal.match.eval_id}: {removal.match.words!r}" if removal.match else removal.reason
                yield f"  {removal.row_id}: {why}"
