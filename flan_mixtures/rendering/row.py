"""One example of a task before any wording is chosen.

Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

ANSWER = "answer"
RATIONALE = "rationale"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """What a data set says, in the names that templates use.

    Attributes:
      task: the task's name in the catalogue.
      row_id: the same wherever and whenever the data set is read; unique within the task.
      fields: the texts that templates may name. `answer` is the right answer as text; `rationale` leads to it.
      options: what the answer is chosen from, in the data set's order; empty for an open answer.
      gold: which option is the answer; None without options.
      references: every answer that counts as right, for metrics; the first is `answer`.
      ordered_options: the options mean something by their order, such as grades, and are never shuffled.
    """

    task: str
    row_id: str
    fields: Mapping[str, str]
    options: tuple[str, ...] = ()
    gold: int | None = None
    references: tuple[str, ...] = ()
    ordered_options: bool = False

    @property
    def answer(self) -> str:
        """The right answer as text; with options, the text of the right one."""
        return self.fields[ANSWER]
