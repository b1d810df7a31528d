"""The one thing in a list that is of another kind than the rest.

Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question
from flan_mixtures.mini.words import KINDS


def generate(rng: random.Random) -> Question:
    """Draws two or three things of one kind and one of another."""
    kind, other = rng.sample(tuple(KINDS), 2)
    odd = rng.choice(KINDS[other])
    things = [*rng.sample(KINDS[kind], rng.randint(2, 3)), odd]
    rng.shuffle(things)
    rest = ", ".join(thing for thing in things if thing != odd)
    return Question(
        {"things": ", ".join(things)},
        odd,
        steps=(f"{rest} are {kind}.",),
        content=" ".join(sorted(things)),
        options=tuple(things),
    )
