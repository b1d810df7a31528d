"""Rows: the same ones every time, and no question in two splits."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flan_mixtures.mini.chance import chance_level
from flan_mixtures.mini.families import FAMILIES, HELD_IN, HELD_OUT
from flan_mixtures.mini.render import render
from flan_mixtures.mini.rows import SPLITS, distinct_rows, row
from flan_mixtures.mini.template import templates
from t5x.errors import UserError

COUNT = 1500


def _questions(family: str, split: str, seed: int = 0) -> list[str]:
    """The question text alone, in one wording; options and names that do not matter left out."""
    template = templates(family)["zs"][0]
    return [render(row(family, split, index, seed), template).inputs for index in range(COUNT)]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_rendered_question_is_in_two_splits_whatever_the_seed(family):
    train = {*_questions(family, "train"), *_questions(family, "train", seed=1)}
    validation, test = set(_questions(family, "validation")), set(_questions(family, "test", seed=2))
    assert not train & validation
    assert not train & test
    assert not validation & test


@pytest.mark.parametrize("family", ["word_sorting", "number_sorting", "odd_one_out"])
def test_a_question_with_its_parts_in_another_order_stays_in_its_split(family):
    sets = {
        split: {
            frozenset(next(iter(row(family, split, index).question.fields.values())).replace(",", "").split())
            for index in range(COUNT)
        }
        for split in SPLITS
    }
    assert not sets["train"] & (sets["validation"] | sets["test"])


def test_rows_are_the_same_in_another_process_with_another_hash_seed(root):
    code = (
        "from flan_mixtures.mini.corpus import examples\n"
        "from flan_mixtures.mini.families import FAMILIES\n"
        "made = [e for f in FAMILIES for s in ('zs', 'fs', 'cot') for e in examples(f, s, 'train', 5)]\n"
        "print([(e.inputs, e.targets) for e in made])"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert len(texts.pop()) > 1000


def test_a_row_does_not_depend_on_the_rows_before_it():
    alone = row("navigation", "train", 7)
    assert [row("navigation", "train", index) for index in range(8)][7] == alone
    assert row("navigation", "train", 7, seed=1) != alone


def test_evaluation_rows_never_repeat_a_question():
    for family in FAMILIES:
        contents = [each.question.content for each in distinct_rows(family, "test", 50)]
        assert len(set(contents)) == 50


def test_asking_for_more_questions_than_a_split_holds_says_how_many_there_are():
    with pytest.raises(UserError, match=r"test split of mini Flan's arithmetic holds about \d+ different questions"):
        distinct_rows("arithmetic", "test", 1000)


def test_an_unknown_family_or_split_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'navigation'"):
        row("navigate", "train", 0)
    with pytest.raises(UserError, match="Did you mean 'validation'"):
        row("navigation", "valid", 0)


def test_two_families_are_held_out_and_the_rest_held_in():
    assert len(HELD_OUT) == 2
    assert len(HELD_IN) == len(FAMILIES) - 2
    assert not set(HELD_IN) & set(HELD_OUT)


def test_chance_is_one_half_for_yes_or_no_and_lies_below_two_thirds_everywhere():
    for family in ("boolean_expressions", "navigation", "web_of_lies"):
        assert chance_level(family, 50) == 0.5
    # Odd one out: three or four things. Sorting: hardly ever right by a fixed guess.
    assert 1 / 4 <= chance_level("odd_one_out", 50) <= 1 / 3
    assert chance_level("word_sorting", 50) <= 0.02
    assert all(0 <= chance_level(family, 50) < 2 / 3 for family in FAMILIES)
