"""Chance level: the exact match of guessing without working the question out.

Effects: none.
"""

from __future__ import annotations

import collections

from flan_mixtures.mini.rows import distinct_rows, row

TRAIN_SAMPLE = 1000  # rows that the most frequent answer is taken from; its share is known to about 1.5 points


def chance_level(family: str, rows: int, split: str = "test", seed: int = 0) -> float:
    """Returns a fraction from 0 to 1 for the first `rows` evaluation rows of a split.

    With options (yes and no; the people, colours or objects that the question names) it is the mean of one over their
    number. Without, it is how often the most frequent training answer is right.
    """
    questions = [each.question for each in distinct_rows(family, split, rows, seed)]
    if all(question.options for question in questions):
        return sum(1 / len(question.options) for question in questions) / rows
    answers = collections.Counter(row(family, "train", index, seed).question.answer for index in range(TRAIN_SAMPLE))
    [(commonest, _)] = answers.most_common(1)
    return sum(question.answer == commonest for question in questions) / rows
