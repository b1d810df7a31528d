"""Mixtures are laid out from what is there, and read the same by any number of processes and hosts, from anywhere."""

from __future__ import annotations

import itertools
import logging
import random

import pytest

from flan_mixtures.catalogue import catalogue
from flan_mixtures.mixtures.mixture import Mixture, parts_of
from flan_mixtures.mixtures.read import Order, read, read_with_workers
from flan_mixtures.rendering.compose import compose, whitespace_tokens
from flan_mixtures.rendering.fit import EOS, Fitted, Lengths
from flan_mixtures.rendering.style import style_distribution
from flan_mixtures.rendering.tokenizer import tokenizer
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

LENGTHS = Lengths(200, 60)
ORDER = Order("mine_submix", LENGTHS, seed=4)


def first(reads, count):
    return list(itertools.islice(reads, count))


def test_what_missing_tasks_leave_goes_to_the_others(mine, caplog):
    with caplog.at_level(logging.WARNING):
        mixture = Mixture("mine_submix")
    assert {part.declaration.task for part in mixture.missing} == {"ghost"}
    assert all("ghost.jsonl" in part.missing for part in mixture.missing)
    assert "1 of 3 tasks have no data here" in caplog.text
    everything = (*mixture.parts, *mixture.missing)
    assert sum(part.asked for part in everything) == pytest.approx(1)
    assert sum(part.share for part in everything) == pytest.approx(1)
    assert {part.name: part.asked for part in everything if part.name.endswith("zsopt")} == pytest.approx(
        {"agrees/zsopt": 0.3, "tells/zsopt": 0.15, "ghost/zsopt": 0.05}  # 60, 30 and 10 rows in two styles
    )
    assert {part.name: part.share for part in mixture.parts if part.name.endswith("fsopt")} == pytest.approx(
        {"agrees/fsopt": 1 / 3, "tells/fsopt": 1 / 6}
    )


def test_a_missing_task_can_be_an_error(mine):
    with pytest.raises(UserError, match="lacks 1 of 3 tasks; the first is 'ghost'"):
        Mixture("mine_submix", SourceConfig(on_missing="error"))


def test_a_mixture_without_any_data_is_an_error_that_names_a_task_and_its_file(mine):
    with pytest.raises(UserError, match=r"no task that can be read here.*ghost.*jsonl"):
        Mixture("ghost_zsopt")
    with pytest.raises(UserError, match=r"split 'test'"):
        Mixture("mine_submix", split="test")


@pytest.mark.parametrize(("name", "near"), [("cot_submx", "cot_submix"), ("flan2022_sbmix", "flan2022_submix")])
def test_an_unknown_mixture_is_named_with_the_nearest(name, near):
    with pytest.raises(UserError, match=f"no mixture '{name}'.*'{near}'"):
        parts_of(name, SourceConfig())


def test_a_style_that_hides_options_is_the_one_that_shows_them_where_a_task_has_none(mine, shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    styles: dict[str, dict[str, float]] = {}
    for part in parts_of("flan2021_submix", SourceConfig()):
        styles.setdefault(part.declaration.task, {})[part.name.split("/")[1]] = part.asked
    assert set(styles["rte"]) == {"zsopt", "fsopt", "zsnoopt", "fsnoopt"}
    assert set(styles["squad_v1"]) == {"zsopt", "fsopt"}
    for task, shares in styles.items():
        assert catalogue.templates(catalogue.task(task).templates).options == ("zsnoopt" in shares), task
        assert len({round(share, 12) for share in shares.values()}) == 1, task
    assert [part.name for part in parts_of("flan_zsnoopt", SourceConfig()) if "squad_v1" in part.name] == [
        "squad_v1/zsnoopt"
    ]


def test_one_task_in_one_style_is_a_mixture(mine):
    mixture = Mixture("agrees_zsopt")
    assert [part.name for part in mixture.parts] == ["agrees/zsopt"]
    assert mixture.row_count == 60


def test_the_same_examples_for_one_process_and_two_from_anywhere(mine):
    start = random.Random(9).randrange(10_000)
    alone = first(read(ORDER.mixture(), LENGTHS, whitespace_tokens(), start), 700)
    assert [position for position, _ in alone] == list(range(start, start + 700))
    assert first(read_with_workers(ORDER, whitespace_tokens, 1, start), 700) == alone
    assert first(read_with_workers(ORDER, whitespace_tokens, 2, start), 700) == alone
    assert first(read(ORDER.mixture(), LENGTHS, whitespace_tokens(), start + 13), 687) == alone[13:]


def test_another_seed_is_another_order_and_another_wording(mine):
    one = first(read(ORDER.mixture(), LENGTHS, whitespace_tokens()), 50)
    other = first(read(Mixture("mine_submix", seed=5), LENGTHS, whitespace_tokens()), 50)
    assert one != other


def test_other_splits_hold_each_row_of_each_part_once_and_end(mine):
    order = Order("mine_submix", LENGTHS, split="validation")
    alone = list(read(order.mixture(), LENGTHS, whitespace_tokens()))
    assert len(alone) == order.mixture().row_count == 2 * (7 + 3)
    asked = [(example.example.row_id, example.example.style) for _, example in alone]
    assert len(set(asked)) == len(asked)
    assert list(read_with_workers(order, whitespace_tokens, 2)) == alone


def test_a_task_of_ones_own_is_rendered_in_its_own_words(mine):
    examples = [each.example for _, each in first(read(ORDER.mixture(), LENGTHS, whitespace_tokens()), 300)]
    assert {example.task for example in examples} == {"agrees", "tells"}
    assert all("Look " in example.inputs for example in examples)
    zero_shot = [example for example in examples if example.task == "agrees" and example.style == "zsopt"]
    assert len({example.template_id for example in zero_shot}) == 3
    for example in zero_shot:
        text = example.options[example.gold]
        assert text == ("no" if int(example.row_id.rpartition("/")[2]) % 2 else "yes")


def test_exemplars_are_never_the_query_in_many_draws(mine):
    mixture = Mixture("agrees_fsopt")
    data = mixture.data(mixture.parts[0])
    styles = style_distribution("fsopt")
    for seed in range(40):
        for index in range(0, 60, 7):
            fitted = compose(data, index, styles, Lengths(10_000, 100), whitespace_tokens(), seed=seed)
            shots = fitted.example.shots
            assert fitted.example.row_id not in shots
            assert len(set(shots)) == len(shots) >= 2


@pytest.mark.parametrize("inputs", [128, 512, 2048])
def test_the_real_tokenizers_count_of_the_whole_prompt_is_within_the_lengths(shared, monkeypatch, inputs):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    encode = tokenizer()()
    lengths = Lengths(inputs, 128)
    full = 0
    for name in ("cot_fsopt", "niv2_fsopt", "t0_fsopt"):
        for _, fitted in first(read(Mixture(name, seed=inputs), lengths, encode), 60):
            if not isinstance(fitted, Fitted):
                continue
            assert len(encode(fitted.example.inputs)) + EOS <= inputs
            assert len(encode(fitted.example.targets)) + EOS <= 128
            assert list(fitted.inputs) == encode(fitted.example.inputs)
            assert list(fitted.targets) == encode(fitted.example.targets)
            full += bool(fitted.example.dropped_shots)
    assert full or inputs == 2048, "nothing had to be dropped, so nothing was tested"
