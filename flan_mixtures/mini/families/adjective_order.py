"""Putting adjectives in their usual English order: size, age, colour, material.

In the spirit of BIG-bench Hard's hyperbaton (arXiv:2210.09261). Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question
from flan_mixtures.mini.words import COLOURS, OBJECTS

# In the order in which they stand before a noun.
CLASSES = {
    "size": ("big", "small", "huge", "tiny"),
    "age": ("old", "new"),
    "colour": COLOURS,
    "material": ("wooden", "metal", "paper", "glass"),
}


def generate(rng: random.Random) -> Question:
    """Draws a noun with two or three adjectives of different classes, not in the usual order."""
    positions = sorted(rng.sample(range(len(CLASSES)), rng.randint(2, 3)))
    classes = [tuple(CLASSES)[position] for position in positions]
    ordered = [rng.choice(CLASSES[name]) for name in classes]
    noun = rng.choice(OBJECTS)
    shuffled = ordered
    while shuffled == ordered:
        shuffled = rng.sample(ordered, len(ordered))
    answer = f"{' '.join(ordered)} {noun}"
    steps = (f"{', '.join(f'{word} is {name}' for word, name in zip(ordered, classes, strict=True))}.",)
    return Question({"phrase": f"{' '.join(shuffled)} {noun}"}, answer, steps, content=answer)
