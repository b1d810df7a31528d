"""A function is a source; mini Flan's families are such functions."""

from __future__ import annotations

import pickle

import pytest

from flan_mixtures.mini.rows import row
from flan_mixtures.sources.make_source import make_source
from t5x.errors import UserError


def mini_record(split: str, index: int, family: str, seed: int = 0) -> dict[str, object]:
    made = row(family, split, index, seed)
    return {"id": made.row_id, "content": made.question.content}


MAPPING = {
    "kind": "generated",
    "function": f"{__name__}:mini_record",
    "counts": {"train": 1000, "validation": 50},
    "arguments": {"family": "arithmetic"},
}


def test_a_mini_flan_family_is_a_source_whose_records_come_by_number_in_any_order():
    source = make_source(MAPPING)
    assert source.missing() is None
    assert source.splits == ("train", "validation")
    train, validation = source.open("train"), source.open("validation")
    assert (len(train), len(validation)) == (1000, 50)
    assert train[999] == train[-1] == mini_record("train", 999, "arithmetic")
    assert [train[i]["id"] for i in (5, 0)] == ["arithmetic/train/5", "arithmetic/train/0"]
    assert validation[3] == mini_record("validation", 3, "arithmetic")
    assert pickle.loads(pickle.dumps(train))[7] == train[7]
    with pytest.raises(IndexError):
        train[1000]
    with pytest.raises(UserError, match="no split 'test'"):
        source.open("test")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (f"{__name__}:mini_recrod", "no function 'mini_recrod'. Did you mean 'mini_record'"),
        ("flan_mixtures.absent:f", "cannot be imported"),
        ("flan_mixtures.mini.rows", "expected 'module:function'"),
    ],
)
def test_a_function_that_is_not_there_makes_the_source_missing(function, words):
    source = make_source({**MAPPING, "function": function})
    assert words in source.missing()
    with pytest.raises(UserError):
        source.open("train")


@pytest.mark.parametrize("count", [0, -1, "5"])
def test_a_count_that_is_no_positive_number_is_refused(count):
    with pytest.raises(UserError, match="rows of 'train': expected a number from 1"):
        make_source({**MAPPING, "counts": {"train": count}})
