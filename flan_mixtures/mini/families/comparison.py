"""The largest or the smallest of a few numbers.

Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question, enumerate_words


def generate(rng: random.Random) -> Question:
    """Draws two to four different numbers from 10 to 99."""
    numbers = rng.sample(range(10, 100), rng.randint(2, 4))
    extreme = rng.choice(("largest", "smallest"))
    ordered = [str(number) for number in sorted(numbers, reverse=extreme == "largest")]
    texts = [str(number) for number in numbers]
    return Question(
        {"numbers": enumerate_words(texts), "extreme": extreme},
        ordered[0],
        steps=(f"In order: {' '.join(ordered)}.",),
        content=f"{extreme}: {' '.join(ordered)}",
        options=tuple(texts),
    )
