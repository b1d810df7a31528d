"""Boolean expressions of two or three truth values, with `not`, `and`, `or` and at most one pair of brackets.

In the spirit of BIG-bench Hard's task of that name (Suzgun et al. 2022, arXiv:2210.09261). Precedence as in Python:
brackets, not, and, or. Effects: none.
"""

from __future__ import annotations

import itertools
import random

from flan_mixtures.mini.question import Question

TRUTH = ("True", "False")


def generate(rng: random.Random) -> Question:
    """Draws an expression; True and False are equally frequent answers."""
    answer = rng.choice(TRUTH)
    while True:
        tokens = _expression(rng)
        stages = _reduce(tokens)
        if stages[-1] == [answer]:
            break
    text = " ".join(tokens)
    steps = tuple(f"{' '.join(before)} = {' '.join(after)}." for before, after in itertools.pairwise(stages))
    return Question({"expression": text}, answer, steps, content=text, options=TRUTH)


def _expression(rng: random.Random) -> list[str]:
    count = rng.choice((2, 3, 3, 3))
    bracket = rng.randrange(count - 1) if count > 2 and rng.random() < 0.5 else None
    tokens: list[str] = []
    for position in range(count):
        if position:
            tokens.append(rng.choice(("and", "or")))
        if position == bracket:
            tokens.append("(")
        if rng.random() < 0.3:
            tokens.append("not")
        tokens.append(rng.choice(TRUTH))
        if bracket is not None and position == bracket + 1:
            tokens.append(")")
    return tokens


def _reduce(tokens: list[str]) -> list[list[str]]:
    """Returns the expression after each stage (brackets, not, and, or), from as given down to one value."""
    stages = [tokens]
    for stage in (_resolve_brackets, _resolve_not, _resolve_and, _resolve_or):
        reduced = stage(stages[-1])
        if reduced != stages[-1]:
            stages.append(reduced)
    return stages


def _resolve_brackets(tokens: list[str]) -> list[str]:
    if "(" not in tokens:
        return tokens
    start, end = tokens.index("("), tokens.index(")")
    value = _resolve_or(_resolve_and(_resolve_not(tokens[start + 1 : end])))
    return tokens[:start] + value + tokens[end + 1 :]


def _resolve_not(tokens: list[str]) -> list[str]:
    reduced: list[str] = []
    for token in tokens:
        if reduced and reduced[-1] == "not":
            reduced[-1] = "False" if token == "True" else "True"
        else:
            reduced.append(token)
    return reduced


def _resolve_and(tokens: list[str]) -> list[str]:
    reduced: list[str] = []
    for token in tokens:
        if reduced and reduced[-1] == "and":
            reduced.pop()
            reduced[-1] = "True" if reduced[-1] == token == "True" else "False"
        else:
            reduced.append(token)
    return reduced


def _resolve_or(tokens: list[str]) -> list[str]:
    if "or" not in tokens:
        return tokens
    return ["True" if "True" in tokens else "False"]
