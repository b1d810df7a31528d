"""Leaving out a part of a long text, by whole words.

Enters: a text, what is to be left out (its `head`, `tail` or `middle`) and how many tokens may stay.
Leaves: the text that stays; a middle that was left out is marked by an ellipsis. Effects: none.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

ELLIPSIS = "..."


def shorten(text: str, policy: str, tokens: int) -> Generator[list[str], list[Sequence[int]], str]:
    """Returns as many words of `text` as fit into `tokens`, with `policy` saying which part is left out.

    A generator that asks for token ids of texts, as `fit` is, and whose value is the text; "" where no word fits.
    """
    words = text.split()
    low, high = 0, len(words)  # `low` words fit; `high + 1` do not, or there are no more
    while low < high:
        middle = (low + high + 1) // 2
        (ids,) = yield [_keep(words, policy, middle)]
        if len(ids) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text if low == len(words) else _keep(words, policy, low)


def _keep(words: list[str], policy: str, count: int) -> str:
    if not count:
        return ""
    if policy == "head":
        kept = words[-count:]
    elif policy == "tail":
        kept = words[:count]
    else:
        first = (count + 1) // 2
        last = count - first
        kept = [*words[:first], ELLIPSIS, *(words[-last:] if last else ())]
    return " ".join(kept)
