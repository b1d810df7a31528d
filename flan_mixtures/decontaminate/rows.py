"""Takes rows out of training data that hold what models are evaluated on.

Enters: rows, an index of evaluation texts, and ids. Leaves: the rows that may be trained on, and a report.
A row is taken out by its task's name, by its own id, or because its texts, read in turn with its options, hold an
evaluation text or one of them is one. Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from flan_mixtures.decontaminate.decontaminator import Decontaminator, Match
from flan_mixtures.decontaminate.eval_index import EvalIndex
from flan_mixtures.decontaminate.report import Removal, Report, TaskReport
from flan_mixtures.rendering.row import Row

# Evaluation set -> the mark, in a task's name, of tasks made from it; BIG-Bench Hard took over BIG-bench's questions.
TASK_WORDS = {"mmlu": "mmmlu", "bbh": "bigbench"}


@dataclasses.dataclass(frozen=True)
class IdFilter:
    """What is taken out by name alone.

    Attributes:
      task_words: what a task's name must not hold; by default every mark of `TASK_WORDS`.
      row_ids: rows that are known to be in an evaluation set.
    """

    task_words: tuple[str, ...] = tuple(TASK_WORDS.values())
    row_ids: frozenset[str] = frozenset()

    def reason(self, row: Row) -> str:
        """Returns why the row is taken out, such as `task name holds 'mmmlu'`; empty where it is not."""
        return self.task_reason(row.task) or ("row id" if row.row_id in self.row_ids else "")

    def task_reason(self, task: str) -> str:
        """Returns why all rows of a task are taken out; empty where they are not."""
        return next((f"task name holds {word!r}" for word in self.task_words if word in task), "")


DEFAULT_IDS = IdFilter()


def decontaminate(rows: Iterable[Row], index: EvalIndex, ids: IdFilter = DEFAULT_IDS) -> tuple[list[Row], Report]:
    """Returns the rows that hold nothing of the index, in their order, and a report on all of them by task."""
    kept: list[Row] = []
    return kept, check(rows, index, ids, kept.append)


def check(
    rows: Iterable[Row], index: EvalIndex, ids: IdFilter = DEFAULT_IDS, keep: Callable[[Row], None] | None = None
) -> Report:
    """Returns the report alone; `keep` is called with each row that holds nothing of the index."""
    decontaminator = Decontaminator(index)
    tasks: dict[str, TaskReport] = {}
    for row in rows:
        task = tasks.setdefault(row.task, TaskReport(row.task))
        task.checked += 1
        reason = ids.reason(row)
        match = None if reason else overlap(row, decontaminator)
        if reason or match:
            task.removed.append(Removal(row.row_id, reason, match))
        elif keep:
            keep(row)
    return Report(tuple(tasks[name] for name in sorted(tasks)))


def overlap(row: Row, decontaminator: Decontaminator) -> Match | None:
    """Returns the first evaluation text found in a row; None where there is none."""
    texts = list(row.fields.values())
    # In turn, because an evaluation text may begin in one field and go on in the next or in the options.
    match = decontaminator.overlap(" ".join((*texts, *row.options)))
    return match or next(filter(None, map(decontaminator.whole, texts)), None)
