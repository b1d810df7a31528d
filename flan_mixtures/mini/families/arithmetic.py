"""Sums and differences of two or three small numbers, sometimes with brackets.

In the spirit of BIG-bench Hard's multi-step arithmetic (arXiv:2210.09261), with numbers small enough for a model that
is trained from scratch in minutes. Every intermediate result and the answer are 0 or more. Effects: none.
"""

from __future__ import annotations

import random

from flan_mixtures.mini.question import Question

LARGEST = 5  # small, so that a model sees each sum often enough to learn it in minutes


def generate(rng: random.Random) -> Question:
    """Draws an expression whose results are never negative."""
    while True:
        numbers = [rng.randint(1, LARGEST) for _ in range(rng.choice((2, 3, 3, 3)))]
        signs = [rng.choice("+-") for _ in numbers[1:]]
        bracketed_right = len(numbers) == 3 and rng.random() < 0.3
        text, results, steps = _work_out(numbers, signs, bracketed_right)
        if min(results) >= 0:
            return Question({"expression": text}, str(results[-1]), steps, content=text)


def _work_out(numbers: list[int], signs: list[str], bracketed_right: bool) -> tuple[str, list[int], tuple[str, ...]]:
    """Returns the expression, its intermediate results in order, and one step for each of them."""
    if len(numbers) == 2:
        first, last = (numbers[0], signs[0], numbers[1]), None
        text = f"{numbers[0]} {signs[0]} {numbers[1]}"
    elif bracketed_right:
        first = (numbers[1], signs[1], numbers[2])
        last = (numbers[0], signs[0], _apply(*first))
        text = f"{numbers[0]} {signs[0]} ( {numbers[1]} {signs[1]} {numbers[2]} )"
    else:
        first = (numbers[0], signs[0], numbers[1])
        last = (_apply(*first), signs[1], numbers[2])
        text = f"{numbers[0]} {signs[0]} {numbers[1]} {signs[1]} {numbers[2]}"
    pieces = [piece for piece in (first, last) if piece is not None]
    results = [_apply(*piece) for piece in pieces]
    steps = tuple(
        f"{left} {sign} {right} = {result}." for (left, sign, right), result in zip(pieces, results, strict=True)
    )
    return text, results, steps


def _apply(left: int, sign: str, right: int) -> int:
    return left + right if sign == "+" else left - right
