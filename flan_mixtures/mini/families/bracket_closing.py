"""The brackets that close what a sequence of brackets leaves open.

In the spirit of BIG-bench Hard's Dyck languages (arXiv:2210.09261). Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question

CLOSING = {"(": ")", "[": "]", "{": "}"}
DEEPEST = 3
LONGEST = 6


def generate(rng: random.Random) -> Question:
    """Draws a sequence of two to six brackets that leaves one to three open."""
    while True:
        sequence, still_open = _sequence(rng)
        if still_open:
            break
    text = " ".join(sequence)
    answer = " ".join(CLOSING[bracket] for bracket in reversed(still_open))
    return Question({"brackets": text}, answer, (f"Still open: {' '.join(still_open)}.",), content=text)


def _sequence(rng: random.Random) -> tuple[list[str], list[str]]:
    """Returns the brackets written and those of them that are still open, oldest first."""
    sequence: list[str] = []
    still_open: list[str] = []
    for _ in range(rng.randint(2, LONGEST)):
        closes = still_open and (len(still_open) == DEEPEST or rng.random() < 0.35)
        if closes:
            sequence.append(CLOSING[still_open.pop()])
        else:
            still_open.append(rng.choice(tuple(CLOSING)))
            sequence.append(still_open[-1])
    return sequence, still_open
