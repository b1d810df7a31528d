"""Who tells the truth, along a chain of people who speak of one another.

In the spirit of BIG-bench Hard's web of lies (arXiv:2210.09261). Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question
from flan_mixtures.mini.words import NAMES, YES_NO


def generate(rng: random.Random) -> Question:
    """Draws a chain of two to four people; yes and no are equally frequent."""
    people = rng.sample(NAMES, rng.randint(2, 4))
    truthful = [rng.random() < 0.5 for _ in people]
    facts = [f"{people[0]} {_verb(truthful[0])}."]
    steps = [facts[0]]
    for position in range(1, len(people)):
        speaker, subject = people[position], people[position - 1]
        claim = truthful[position - 1] == truthful[position]  # a liar says the opposite of what is so
        facts.append(f"{speaker} says {subject} {_verb(claim)}.")
        steps.append(f"{speaker} {_verb(truthful[position])}.")
    return Question(
        {"facts": " ".join(facts), "person": people[-1]},
        "yes" if truthful[-1] else "no",
        tuple(steps),
        content=" ".join(facts),
        options=YES_NO,
    )


def _verb(truthful: bool) -> str:
    return "tells the truth" if truthful else "lies"
