"""Putting three or four numbers in increasing order.

Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question


def generate(rng: random.Random) -> Question:
    """Draws different numbers from 10 to 99 in random order. The order is no part of the content."""
    numbers = rng.sample(range(10, 100), rng.randint(3, 4))
    ordered = [str(number) for number in sorted(numbers)]
    answer = " ".join(ordered)
    return Question(
        {"numbers": " ".join(str(number) for number in numbers)},
        answer,
        steps=(f"First {ordered[0]}, then {', then '.join(ordered[1:])}.",),
        content=answer,
    )
