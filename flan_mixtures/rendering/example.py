"""A rendered example: the prompt, its target, and everything about how it came to be.

Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

# Name of a style -> what `_template_type` holds in the published data.
_PUBLIC_SPELLING = {"zsopt": "zs_opt", "zsnoopt": "zs_noopt", "fsopt": "fs_opt", "fsnoopt": "fs_noopt"}


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its target.

    Attributes:
      inputs, targets: the texts.
      task, row_id: which row is asked about.
      template_id: the query's template, within its family.
      template_index: its place among the templates of its kind.
      style: the name of the style distribution.
      shots: the row ids of the exemplars, in order.
      options: the options as shown, in order; empty where none are shown.
      gold: which of `options` is right; None where none are shown.
      option_style: the id of their look, or "".
      label_target: whether the target is a label.
      inverted: whether another field than the answer is predicted.
      reasoning: `direct`, `rationale_first` or `answer_first`; "" for rows without a rationale.
      shortened: names of fields of which a part was left out to fit.
      dropped_shots: how many exemplars were left out to fit.
    """

    inputs: str
    targets: str
    task: str
    row_id: str
    template_id: str
    template_index: int
    style: str = ""
    shots: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    gold: int | None = None
    option_style: str = ""
    label_target: bool = False
    inverted: bool = False
    reasoning: str = ""
    shortened: tuple[str, ...] = ()
    dropped_shots: int = 0

    @property
    def template_type(self) -> str:
        """The style as the Flan Collection's passthrough field spells it, such as `zs_opt`; others as they are."""
        return _PUBLIC_SPELLING.get(self.style, self.style)

    def as_dict(self) -> Mapping[str, Any]:
        """Returns the fields as plain values, for JSON and tables."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
