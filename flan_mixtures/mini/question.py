"""What a task family makes: one question with its answer and the steps that lead to it.

Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Question:
    """A question before any wording is chosen.

    Attributes:
      fields: what templates may name, for example `{"expression": "not True"}`.
      answer: the one right answer, as the model has to write it.
      steps: the rationale, one sentence a step, each with its full stop.
      content: the identity of the question. Two questions that ask the same thing have the same content, whatever
        their wording or the order of their parts.
      options: what the answer is chosen from; empty when the answer is open.
    """

    fields: Mapping[str, str]
    answer: str
    steps: tuple[str, ...]
    content: str
    options: tuple[str, ...] = ()


def enumerate_words(words: Sequence[str], last: str = "and") -> str:
    """Returns `a`, `a and b` or `a, b and c`."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
