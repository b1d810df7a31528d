"""Rows: questions numbered within train, validation and test.

Enters: (family, split, index, seed). Leaves: a row, always the same one. The split of a question is a function of its
content alone, so that no question is in two splits, under any seed. Effects: none.
"""

from __future__ import annotations

import dataclasses

from flan_mixtures.draws import draws, percentile
from flan_mixtures.mini.families import FAMILIES
from flan_mixtures.mini.question import Question
from t5x.errors import UserError, nearest

SPLITS = ("train", "validation", "test")
# Percent of a family's question space; large enough that small spaces still hold a full evaluation set.
VALIDATION_PERCENT = 10
TEST_PERCENT = 10
# A split that gives no new question in so many draws for each wanted one is taken as exhausted.
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
    """Returns the first `count` rows of a split whose question did not come before.

    Raises:
      UserError: when the split holds fewer different questions.
    """
    found: dict[str, Row] = {}
    for index in range(count * MOST_DRAWS_PER_ROW):
        if len(found) == count:
            break
        candidate = row(family, split, index, seed)
        found.setdefault(candidate.question.content, candidate)
    if len(found) < count:
        raise UserError(
            f"The {split} split of mini Flan's {family} holds about {len(found)} different questions, and {count} were "
            "asked for. Ask for fewer."
        )
    return list(found.values())
