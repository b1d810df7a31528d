"""How long the examples of a part of a mixture are, from a few of them.

Enters: a laid-out mixture, one of its parts, how many rows are rendered. Leaves: a mean. Effects: reads those rows.
"""

from __future__ import annotations

from flan_mixtures.draws import number
from flan_mixtures.mixtures.mixture import Mixture, MixturePart
from flan_mixtures.mixtures.schedule import Place
from flan_mixtures.rendering.fit import EOS, Encode, Fitted, Lengths


def mean_tokens(mixture: Mixture, part: MixturePart, rows: int, lengths: Lengths, encode: Encode) -> float | None:
    """Returns the mean tokens of inputs and targets together, end marks included; None where no drawn row fits."""
    places = drawn_places(mixture, part, rows, "mean tokens")
    composed = [mixture.example_at(place, lengths, encode) for place in places]
    sizes = [len(each.inputs) + len(each.targets) + 2 * EOS for each in composed if isinstance(each, Fitted)]
    return sum(sizes) / len(sizes) if sizes else None


def drawn_places(mixture: Mixture, part: MixturePart, rows: int, purpose: str) -> list[Place]:
    """Returns up to `rows` different rows of a part, drawn for a purpose, in its first pass."""
    size = len(mixture.data(part).rows)
    drawn = dict.fromkeys(number(mixture.seed, purpose, part.name, turn) % size for turn in range(rows))
    return [Place(mixture.parts.index(part), 0, row) for row in drawn]
