"""Whether a few single steps lead back to the start.

In the spirit of BIG-bench Hard's navigate (arXiv:2210.09261), with steps of length one and no turns. Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question
from flan_mixtures.mini.words import NAMES, YES_NO

DIRECTIONS = ("forward", "back", "left", "right")
# Even, so that the number of steps says nothing about the answer.
LENGTHS = (4, 6)


def generate(rng: random.Random) -> Question:
    """Draws four or six steps; yes and no are equally frequent."""
    answer = rng.choice(YES_NO)
    while True:
        steps = rng.choices(DIRECTIONS, k=rng.choice(LENGTHS))
        counts = {direction: steps.count(direction) for direction in DIRECTIONS}
        returns = counts["forward"] == counts["back"] and counts["left"] == counts["right"]
        if returns == (answer == "yes"):
            break
    text = " ".join(steps)
    tally = ", ".join(f"{count} {direction}" for direction, count in counts.items())
    return Question({"steps": text, "name": rng.choice(NAMES)}, answer, (f"{tally}.",), content=text, options=YES_NO)
