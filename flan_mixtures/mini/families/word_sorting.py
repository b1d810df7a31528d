"""Putting three or four words in alphabetical order.

In the spirit of BIG-bench Hard's word sorting (arXiv:2210.09261), over a small word list. Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question

# Several words share their first letter, so the first letter alone does not settle every order.
# fmt: off
WORDS = (
    "arm", "ash", "bird", "boat", "cake", "cold", "door", "dust", "east", "egg", "farm", "fish", "game", "gold",
    "hand", "hill", "ice", "idea", "jam", "joy", "king", "kite", "lake", "leaf", "milk", "moon", "nest", "note",
    "oil", "oven", "path", "pond", "rain", "rose", "sand", "ship", "tent", "tree", "wind", "wolf",
)
# fmt: on


def generate(rng: random.Random) -> Question:
    """Draws different words in random order. The order is no part of the content: the answer does not depend on it."""
    words = rng.sample(WORDS, rng.randint(3, 4))
    ordered = sorted(words)
    answer = " ".join(ordered)
    return Question(
        {"words": " ".join(words)},
        answer,
        steps=(f"First {ordered[0]}, then {', then '.join(ordered[1:])}.",),
        content=answer,
    )
