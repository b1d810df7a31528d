"""One fault in a template file. Effects: none."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A fault.

    Attributes:
      family: the template family.
      template: the id of the template; empty where the fault is the family's.
      rule: the short name of what is broken, the same in every message of its kind.
      message: what is wrong, in a sentence.
    """

    family: str
    template: str
    rule: str
    message: str

    def __str__(self) -> str:
        place = f"{self.family}/{self.template}" if self.template else self.family
        return f"{place}: {self.message} [{self.rule}]"
