"""When a run saves: a pure function of the step.

Enters: steps as counted by the train state. Source: T5X counts its period from the step a run was restored at, not
from 0; `checkpoint_steps` adds steps (T5X fails when they come without a period). The last step is always saved.
Effects: none. Saving a step that is already on disk does nothing, so the first step is due whenever there is a
schedule.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class SaveSchedule:
    """The steps at which to save.

    Attributes:
      first_step: the step the run starts or resumes at.
      last_step: the step the run ends at.
      period: steps between saves counted from `first_step`; None or 0 for none.
      checkpoint_steps: further absolute steps.
    """

    first_step: int
    last_step: int
    period: int | None = None
    checkpoint_steps: tuple[int, ...] = ()

    def is_due(self, step: int) -> bool:
        """Says whether the state after `step` steps is to be saved."""
        if step == self.last_step:
            return True
        if step == self.first_step:
            return bool(self.period or self.checkpoint_steps)
        return step in self.checkpoint_steps or bool(self.period and (step - self.first_step) % self.period == 0)

    def next_after(self, step: int) -> int:
        """Returns the first step after `step` that is due, at most `last_step`."""
        due = [extra for extra in self.checkpoint_steps if extra > step]
        if self.period:
            due.append(self.first_step + ((step - self.first_step) // self.period + 1) * self.period)
        return min([*due, self.last_step])
