"""Weights of tasks from their rows."""

from __future__ import annotations

import math

import pytest

from flan_mixtures.mixtures.rates import Cap, Part, fixed, proportional, unimax
from t5x.errors import UserError

PARTS = [
    Part("duorc_answer", "duorc", 60_000, prompt_of="duorc"),
    Part("duorc_title", "duorc", 30_000, prompt_of="duorc"),
    Part("duorc_self", "duorc", 10_000),
    Part("rte", "rte", 2_000),
]


def test_without_a_cap_weights_are_proportional_to_rows():
    weights = proportional(PARTS)
    assert list(weights) == [part.task for part in PARTS]
    assert weights == pytest.approx({part.task: part.rows / 102_000 for part in PARTS})


@pytest.mark.parametrize(
    ("level", "counted"),
    [
        ("prompt", [20_000, 20_000, 10_000, 2_000]),
        ("task", [20_000 * 2 / 3, 20_000 / 3, 10_000, 2_000]),
        ("dataset", [12_000, 6_000, 2_000, 2_000]),
    ],
)
def test_a_cap_counts_prompts_tasks_or_data_sets(level, counted):
    weights = proportional(PARTS, Cap(level, 20_000))
    assert list(weights.values()) == pytest.approx([rows / sum(counted) for rows in counted])


def test_a_cap_that_no_task_reaches_changes_nothing():
    assert proportional(PARTS, Cap("prompt", 10**9)) == pytest.approx(proportional(PARTS))


def test_a_temperature_raises_capped_rows_to_its_inverse():
    weights = proportional(PARTS, Cap("prompt", 20_000), temperature=2)
    assert weights["duorc_answer"] / weights["rte"] == pytest.approx(math.sqrt(10))
    assert sum(weights.values()) == pytest.approx(1)


def test_unimax_is_even_where_no_part_would_repeat_too_often():
    parts = [Part(name, name, rows) for name, rows in (("big", 10_000), ("small", 10), ("middle", 300))]
    weights = unimax(parts, draws=1_000, epochs=2)
    assert {task: weight * 1_000 for task, weight in weights.items()} == pytest.approx(
        {"big": 490, "small": 20, "middle": 490}
    )
    assert unimax(parts, draws=15, epochs=2) == pytest.approx(dict.fromkeys(["big", "small", "middle"], 1 / 3))


def test_unimax_with_every_part_at_its_bound_is_proportional():
    assert unimax(PARTS, draws=102_000 * 1.5, epochs=1.5) == pytest.approx(proportional(PARTS))


def test_fixed_rates_are_normalised_and_zero_leaves_a_task_out():
    weights = fixed(PARTS, {"rte": 1, "duorc_self": 3, "duorc_title": 0, "duorc_answer": 0})
    assert weights == {"duorc_answer": 0, "duorc_title": 0, "duorc_self": 0.75, "rte": 0.25}


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: proportional([]), "no parts"),
        (lambda: proportional([Part("rte", "rte", 0)]), "weight 0"),
        (lambda: proportional([Part("rte", "rte", -1)]), "'rte' has -1 rows"),
        (lambda: proportional([PARTS[0], PARTS[0]]), "twice"),
        (lambda: proportional(PARTS, temperature=0), "temperature is 0"),
        (lambda: Cap("task", 0), "0 rows"),
        (lambda: Cap("tasks", 5), "Did you mean 'task'"),
        (lambda: fixed(PARTS, {"rtee": 1}), "'rtee', which is no task of the mixture. Did you mean 'rte'"),
        (lambda: fixed(PARTS, {"rte": -1}), "-1"),
        (lambda: fixed(PARTS, {"rte": 1}), "'duorc_answer' of the mixture has no rate"),
        (lambda: fixed(PARTS, {part.task: 0 for part in PARTS}), "weight 0"),
        (lambda: unimax(PARTS, draws=0, epochs=1), "draws = 0"),
        (lambda: unimax(PARTS, draws=10**9, epochs=1), "hold 102,000 in 1 epochs"),
    ],
)
def test_mistakes_are_named(build, says):
    with pytest.raises(UserError, match=says):
        build()
