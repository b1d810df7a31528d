"""Which words of a field were left out of a prompt to make it fit.

Enters: the whole field, which part may be left out, the text of the prompt. Leaves: the words that are not there.
Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Cut:
    """A field of which a part was left out.

    Attributes:
      field: its name.
      policy: the part that is left out: head, tail or middle.
      words: of the whole field.
      left_out: the words that were left out, as one text.
    """

    field: str
    policy: str
    words: int
    left_out: str


def cut(field: str, text: str, policy: str, shown: str) -> Cut:
    """Returns what of `text` is not in `shown`, the prompt and target that the shortened field stands in."""
    words = text.split()
    first = 0 if policy == "head" else _longest(len(words), lambda count: " ".join(words[:count]) in shown)
    last = 0 if policy == "tail" else _longest(len(words), lambda count: " ".join(words[len(words) - count :]) in shown)
    return Cut(field, policy, len(words), " ".join(words[first : len(words) - last]))


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """Returns the largest count up to `most` that fits, where every smaller one does too."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        if fits(middle):
            low = middle
        else:
            most = middle - 1
    return low
