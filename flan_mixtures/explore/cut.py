"""Which words of a field were left out of a prompt to make it fit.

Enters: the whole field, which part may be left out, the text of the prompt. Leaves: the words that are not there.
Effects: none.
"""

from __future__ import annotations

import dataclasses

from flan_mixtures.rendering.shorten import ELLIPSIS, shorten


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
    kept = next((count for count in range(len(words), 0, -1) if _kept(text, policy, count) in shown), 0)
    if policy == "head":
        gone = words[: len(words) - kept]
    elif policy == "tail":
        gone = words[kept:]
    else:
        shown_words = _kept(text, policy, kept).split() if kept else []
        first = shown_words.index(ELLIPSIS) if ELLIPSIS in shown_words else len(shown_words)
        gone = words[first : len(words) - max(len(shown_words) - first - 1, 0)]
    return Cut(field, policy, len(words), " ".join(gone))


def _kept(text: str, policy: str, count: int) -> str:
    """Returns the field with `count` of its words kept, the mark of a left-out middle among them."""
    return shorten(text, policy, count, lambda part: len(part.split()))
