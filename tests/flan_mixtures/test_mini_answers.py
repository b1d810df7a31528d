"""The answers of the task families, each checked by a second solver that reads the question's text."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Callable

import pytest

from flan_mixtures.mini.families import FAMILIES
from flan_mixtures.mini.families.adjective_order import CLASSES
from flan_mixtures.mini.rows import row
from flan_mixtures.mini.words import KINDS

ROWS = 300
MONTHS = list(calendar.month_name)


def _bracket_closing(fields: dict[str, str]) -> str:
    left = fields["brackets"].replace(" ", "")
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", left)) != left:
        left = shorter
    return " ".join({"(": ")", "[": "]", "{": "}"}[bracket] for bracket in reversed(left))


def _date_arithmetic(fields: dict[str, str]) -> str:
    day, month = fields["date"].split()
    days = int(fields["days"].split()[0])
    # 2023 is no leap year and its neighbours are none either.
    start = datetime.date(2023, MONTHS.index(month), int(day))
    end = start + datetime.timedelta(days if fields["direction"] == "after" else -days)
    return f"{end.day} {MONTHS[end.month]}"


def _navigation(fields: dict[str, str]) -> str:
    moves = {"forward": 1, "back": -1, "left": 1j, "right": -1j}
    return "yes" if sum(moves[step] for step in fields["steps"].split()) == 0 else "no"


def _object_counting(fields: dict[str, str]) -> str:
    return str(len(set(re.findall(r"\w+", fields["items"])) & set(KINDS[fields["kind"]])))


def _odd_one_out(fields: dict[str, str]) -> str:
    things = fields["things"].split(", ")
    [odd] = [thing for thing in things if sum(_kind(thing) == _kind(other) for other in things) == 1]
    return odd


def _kind(thing: str) -> str:
    return next(kind for kind, things in KINDS.items() if thing in things)


def _comparison(fields: dict[str, str]) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", fields["numbers"])]
    return str(max(numbers) if fields["extreme"] == "largest" else min(numbers))


def _adjective_order(fields: dict[str, str]) -> str:
    *adjectives, noun = fields["phrase"].split()
    rank = {word: place for place, words in enumerate(CLASSES.values()) for word in words}
    return " ".join([*sorted(adjectives, key=rank.__getitem__), noun])


def _web_of_lies(fields: dict[str, str]) -> str:
    truthful: dict[str, bool] = {}
    for fact in fields["facts"].split(". "):
        speaker, _, said = fact.partition(" says ")
        subject, claim = (said or fact).split(maxsplit=1)
        claimed = claim.startswith("tells the truth")
        truthful[speaker if said else subject] = (truthful[subject] == claimed) if said else claimed
    return "yes" if truthful[fields["person"]] else "no"


SOLVERS: dict[str, Callable[[dict[str, str]], str]] = {
    "adjective_order": _adjective_order,
    "arithmetic": lambda fields: str(eval(fields["expression"])),
    "boolean_expressions": lambda fields: str(eval(fields["expression"])),
    "bracket_closing": _bracket_closing,
    "comparison": _comparison,
    "date_arithmetic": _date_arithmetic,
    "navigation": _navigation,
    "number_sorting": lambda fields: " ".join(sorted(fields["numbers"].split(), key=int)),
    "object_counting": _object_counting,
    "odd_one_out": _odd_one_out,
    "web_of_lies": _web_of_lies,
    "word_sorting": lambda fields: " ".join(sorted(fields["words"].split())),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_solver_that_reads_the_question_gives_the_same_answers(family):
    for index in range(ROWS):
        question = row(family, "train", index).question
        assert SOLVERS[family](dict(question.fields)) == question.answer, question


@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_is_among_the_options(family):
    for index in range(ROWS):
        question = row(family, "train", index).question
        if question.options:
            assert question.options.count(question.answer) == 1
            assert len(set(question.options)) == len(question.options)


@pytest.mark.parametrize("family", ["arithmetic", "boolean_expressions"])
def test_every_equation_of_a_rationale_holds(family):
    for index in range(ROWS):
        steps = row(family, "train", index).question.steps
        assert steps
        for step in steps:
            left, right = step.removesuffix(".").split(" = ")
            assert eval(left) == eval(right), step


@pytest.mark.parametrize("family", ["boolean_expressions", "navigation", "web_of_lies"])
def test_two_answers_are_about_equally_frequent(family):
    answers = [row(family, "train", index).question.answer for index in range(ROWS)]
    # Five standard deviations of 300 fair coins are 43.
    assert abs(answers.count(answers[0]) - ROWS / 2) < 43 + ROWS * 0.05
