"""Rows: questions numbered within train, validation and test.

Enters: (family, split, index, seed). Leaves: a row, always the same one. The split of a question is a function of its
content alone, so that no question is in two splits, under any seed. Effects: different rows stay in memory.
"""

from __future__ import annotations

import dataclasses
import functools

from flan_mixtures.draws import draws, percentile
from flan_mixtures.mini.families import FAMILIES
from flan_mixtures.mini.question import Question
from t5x.errors import UserError, nearest

SPLITS = ("train", "validation", "test")
# Percent of a family's question space; large enough that small spaces still hold a full evaluation set.
VALIDATION_PERCENT = 10
TEST_PERCENT = 10
# A split that took more than so many draws for each new question is taken as exhausted.
MOST_DRAWS_PER_ROW = 50


@dataclasses.dataclass(frozen=True)
class Row:
    """One question at its place in a split of a family."""

    family: str
    split: str
    index: int
    question: Question

    @property
    def row_id(self) -> str:
        return f"{self.family}/{self.split}/{self.index}"


def row(family: str, split: str, index: int, seed: int = 0) -> Row:
    """Returns row `index` of a split. Rows of one split may repeat a question; rows of two splits never share one.

    Raises:
      UserError: for an unknown family or split.
    """
    if family not in FAMILIES:
        raise UserError(
            f"Unknown mini Flan family {family!r}.{nearest(family, FAMILIES)} The families are {', '.join(FAMILIES)}."
        )
    if split not in SPLITS:
        raise UserError(f"Unknown split {split!r}: expected one of {', '.join(SPLITS)}.{nearest(split, SPLITS)}")
    rng = draws(seed, family, split, index)
    while True:
        question = FAMILIES[family](rng)
        if split_of(family, question) == split:
            return Row(family, split, index, question)


def split_of(family: str, question: Question) -> str:
    """Returns the split that a question belongs to."""
    place = percentile(family, question.content)
    if place < TEST_PERCENT:
        return "test"
    return "validation" if place < TEST_PERCENT + VALIDATION_PERCENT else "train"


def distinct_rows(family: str, split: str, count: int, seed: int = 0) -> list[Row]:
    """Returns the first `count` rows of a split whose question did not come before. Raises as `distinct_row` does."""
    return [distinct_row(family, split, place, seed) for place in range(count)]


def distinct_row(family: str, split: str, place: int, seed: int = 0) -> Row:
    """Returns row `place` of those rows of a split whose question did not come before.

    Raises:
      UserError: when the split holds fewer different questions.
    """
    return _distinct(family, split, seed).at(place)


@functools.cache
def _distinct(family: str, split: str, seed: int) -> _Distinct:
    return _Distinct(family, split, seed)


class _Distinct:
    """The different questions of a split that were looked for until now."""

    def __init__(self, family: str, split: str, seed: int):
        self._where = family, split, seed
        self._found: list[Row] = []
        self._contents: set[str] = set()
        self._drawn = 0

    def at(self, place: int) -> Row:
        family, split, seed = self._where
        while len(self._found) <= place:
            if self._drawn >= (len(self._found) + 1) * MOST_DRAWS_PER_ROW:
                raise UserError(
                    f"The {split} split of mini Flan's {family} holds about {len(self._found)} different questions, "
                    "and more were asked for. Ask for fewer."
                )
            candidate = row(family, split, self._drawn, seed)
            self._drawn += 1
            if candidate.question.content not in self._contents:
                self._contents.add(candidate.question.content)
                self._found.append(candidate)
        return self._found[place]
