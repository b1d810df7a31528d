"""Few-shot exemplars: which rows stand before a query.

Exemplars are training rows of the query's family, never the query itself nor each other, and only as many as fit the
token budget whole: nothing is ever cut. Effects: none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from flan_mixtures.draws import draws
from flan_mixtures.mini.records import rows
from flan_mixtures.mini.render import render
from flan_mixtures.mini.rows import Row
from flan_mixtures.mini.template import Template

MOST_SHOTS = 3  # the Flan Collection's prompts with one template per prompt hold two or three exemplars
# Training rows that exemplars are drawn from. Small enough to be made once in some milliseconds.
POOL = 256


def choose_exemplars(
    query: Row, template: Template, count_tokens: Callable[[str], int], budget: int, seed: int = 0
) -> tuple[Row, ...]:
    """Returns one to `MOST_SHOTS` exemplars such that the rendered prompt has at most `budget` tokens.

    A prompt too long for even one exemplar gets none.
    """
    rng = draws(seed, query.row_id, template.style, "exemplars")
    wanted = rng.randint(1, MOST_SHOTS)
    taken = {query.question.content}
    shots: tuple[Row, ...] = ()
    for candidate in rng.sample(_pool(query.family, seed), MOST_SHOTS * 2):
        if len(shots) == wanted:
            break
        longer = (*shots, candidate)
        fits = candidate.question.content not in taken
        if fits and count_tokens(render(query, template, longer, seed).inputs) <= budget:
            shots = longer
            taken.add(candidate.question.content)
    return shots


@functools.cache
def _pool(family: str, seed: int) -> tuple[Row, ...]:
    return tuple(rows(family, "train", POOL, seed))
