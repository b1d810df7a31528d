"""Which rows stand as exemplars beside a query, and what of a query may be shortened."""

from __future__ import annotations

import pytest

from flan_mixtures.rendering.compose import TaskData, compose, whitespace_tokens
from flan_mixtures.rendering.fit import Fitted, LeftOut, Lengths
from flan_mixtures.rendering.row import Row
from flan_mixtures.rendering.style import StyleDistribution
from flan_mixtures.rendering.template import parse_family

FAMILY = parse_family(
    "puzzles",
    """
fields = ["story", "question"]
options = false

[[zero_shot]]
id = "asked"
input = "{story} {question}"

[[few_shot]]
id = "body"
input = "{story} {question}"

[[inversion]]
id = "tell-the-story"
predicts = ["story"]
input = "{question} {answer}. Tell the story."
target = "{story}"
""",
)
FIVE = StyleDistribution("five", shots={5: 1.0})
ROOM = Lengths(10_000, 1_000)


def _row(row_id: str, question: str = "who?", answer: str = "Ann", story: str = "a day", **more: str) -> Row:
    fields = {"story": story, "question": question, "answer": answer, **more}
    return Row("t", row_id, fields, references=(answer,))


def _composed(rows, styles=FIVE, lengths=ROOM, pool=None, long=None, seed=0, **more) -> Fitted | LeftOut:
    data = TaskData("t", FAMILY, rows, rows if pool is None else pool, long or {})
    return compose(data, 0, styles, lengths, whitespace_tokens(), seed=seed, **more)


@pytest.mark.parametrize(
    "like",
    [
        _row("same"),
        _row("other answer", answer="Bob"),
        _row("other rationale", rationale="For Ann was alone."),
        _row("more fields", explanation="An author's example says more."),
    ],
    ids=lambda row: row.row_id,
)
def test_a_row_that_asks_what_the_query_asks_is_no_exemplar(like):
    query = _row("query", rationale="Nobody else was there.")
    for seed in range(20):
        shots = _composed([query, like, _row("another", question="where?")], seed=seed).example.shots
        assert shots == ("another",)


def test_the_same_question_about_other_options_is_an_exemplar():
    query = Row("t", "query", {"story": "s", "question": "q", "answer": "a"}, ("a", "b"), 0)
    other = Row("t", "other", {"story": "s", "question": "q", "answer": "c"}, ("c", "d"), 0)
    assert _composed([query, other]).example.shots == ("other",)


def test_every_row_of_a_small_pool_is_found_in_an_order_that_is_drawn():
    pool = [_row(str(number), question=f"{number}?") for number in range(5)]
    orders = {_composed([_row("query")], pool=pool, seed=seed).example.shots for seed in range(50)}
    assert {tuple(sorted(order)) for order in orders} == {("0", "1", "2", "3", "4")}
    assert len(orders) > 20


def test_given_exemplars_stand_as_they_are_given():
    given = [_row(str(number), question=f"{number}?") for number in range(6)]
    for seed in range(20):
        example = _composed([_row("query")], seed=seed, exemplars=given).example
        assert example.shots == ("0", "1", "2", "3", "4", "5")


def test_a_target_is_never_shortened_to_make_a_prompt_fit():
    query = _row("query", question="why " * 60, story="once " * 200)
    long = {"story": "tail", "question": "tail"}
    fitted = _composed([query], StyleDistribution("inverted", inverted=1.0), Lengths(40, 1_000), long=long)
    assert fitted.example.targets.split() == ["once"] * 200
    assert fitted.example.shortened == ("question",)


def test_only_fields_that_lost_words_count_as_shortened():
    query = _row("query", question="why " * 16, story="once " * 200)
    fitted = _composed(
        [query], StyleDistribution("plain"), Lengths(60, 100), long={"story": "tail", "question": "tail"}
    )
    assert fitted.example.shortened == ("story",)
    assert fitted.example.inputs.count("why") == 16
