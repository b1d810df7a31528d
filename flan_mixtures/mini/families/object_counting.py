"""Counting the things of one kind in a short list that also holds other things.

In the spirit of BIG-bench Hard's object counting (arXiv:2210.09261). Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question, enumerate_words
from flan_mixtures.mini.words import KINDS, NAMES, with_article

MOST_WANTED = 5
MOST_OTHERS = 3


def generate(rng: random.Random) -> Question:
    """Draws two to eight different things, one to five of them of the kind asked for."""
    kind = rng.choice(tuple(KINDS))
    elsewhere = [thing for other, things in KINDS.items() if other != kind for thing in things]
    wanted = rng.randint(1, MOST_WANTED)
    things = rng.sample(KINDS[kind], wanted) + rng.sample(elsewhere, rng.randint(1 if wanted == 1 else 0, MOST_OTHERS))
    rng.shuffle(things)
    found = [thing for thing in things if thing in KINDS[kind]]
    return Question(
        {"items": enumerate_words([with_article(thing) for thing in things]), "kind": kind, "name": rng.choice(NAMES)},
        str(wanted),
        steps=(f"{kind.capitalize()}: {', '.join(found)}.",),
        content=f"{kind}: {' '.join(sorted(things))}",
    )
