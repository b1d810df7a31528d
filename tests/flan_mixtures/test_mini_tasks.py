"""Mini Flan through SeqIO: names, mixtures, metrics, resumable order."""

from __future__ import annotations

import numpy as np
import pytest
import seqio
import tensorflow as tf

from flan_mixtures.mini import tasks
from flan_mixtures.mini.families import FAMILIES, HELD_IN, HELD_OUT

LENGTHS = tasks.feature_lengths()
TEN_TASKS = "mini_flan_eval_held_in"  # has a train split as well, and opens faster than the thirty tasks of mini_flan


def _dataset(name: str, split: str, **arguments: object) -> tf.data.Dataset:
    provider = seqio.get_mixture_or_task(name)
    return provider.get_dataset(sequence_length=LENGTHS, split=split, **arguments)


def _texts(dataset: tf.data.Dataset) -> list[bytes]:
    return [row["inputs_pretokenized"] for row in dataset.as_numpy_iterator()]


def test_the_training_mixture_holds_all_styles_of_the_held_in_families_and_nothing_of_the_held_out():
    names = {task.name for task in seqio.get_mixture_or_task("mini_flan").tasks}
    assert names == {f"mini_{family}_{style}" for family in HELD_IN for style in ("zs", "fs", "cot")}
    assert not [name for name in names if any(family in name for family in HELD_OUT)]


@pytest.mark.parametrize(
    ("mixture", "families"), [("_held_in", HELD_IN), ("_held_out", HELD_OUT), ("", [*HELD_IN, *HELD_OUT])]
)
def test_evaluation_mixtures_are_zero_shot_with_fifty_fixed_questions_each(mixture, families):
    subtasks = seqio.get_mixture_or_task(f"mini_flan_eval{mixture}").tasks
    assert {task.name for task in subtasks} == {f"mini_{family}_zs" for family in families}
    for task in subtasks:
        rows = list(task.get_dataset(LENGTHS, split="test", shuffle=False).as_numpy_iterator())
        assert len(rows) == 50
        assert len({row["inputs_pretokenized"] for row in rows}) == 50


def test_rows_end_with_end_of_sequence_and_say_where_they_come_from():
    [row] = _dataset("mini_word_sorting_cot", "train", shuffle=False).take(1).as_numpy_iterator()
    assert row["inputs"][-1] == row["targets"][-1] == 1
    assert row["_task_name"] == b"word_sorting"
    assert row["_template_type"] == b"cot"
    assert row["_template_idx"] in range(4)


@pytest.mark.parametrize("pack", [True, False])
def test_rows_pass_the_feature_converter_with_the_fields_that_say_where_they_come_from(pack):
    dataset = _dataset(TEN_TASKS, "train", shuffle=True, seed=0)
    batches = seqio.EncDecFeatureConverter(pack=pack)(dataset, LENGTHS)
    [batch] = batches.take(1).as_numpy_iterator()
    assert batch["encoder_input_tokens"].shape == (LENGTHS["inputs"],)
    assert batch["decoder_target_tokens"].shape == (LENGTHS["targets"],)


def test_the_mixture_keeps_its_rates():
    passed = {"passthrough_features": ["_template_type"]}
    dataset = _dataset("mini_flan", "train", shuffle=True, seed=0, num_epochs=None, **passed).take(4000)
    styles = [row["_template_type"].decode() for row in dataset.as_numpy_iterator()]
    total = sum(tasks.STYLE_RATES.values())
    for style, rate in tasks.STYLE_RATES.items():
        assert styles.count(style) / 4000 == pytest.approx(rate / total, abs=0.03)


def test_the_same_seed_gives_the_same_order_and_another_seed_another():
    first, again, other = (
        [row["inputs"].tolist() for row in _dataset(TEN_TASKS, "train", seed=seed).take(100).as_numpy_iterator()]
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_an_iterator_goes_on_where_its_checkpoint_says(tmp_path):
    def iterator():
        return iter(_dataset(TEN_TASKS, "train", shuffle=True, seed=0, num_epochs=None))

    through = iterator()
    for _ in range(30):
        next(through)
    path = tf.train.Checkpoint(iterator=through).write(str(tmp_path / "position"))
    expected = [next(through)["inputs"].numpy() for _ in range(30)]
    resumed = iterator()
    tf.train.Checkpoint(iterator=resumed).read(path).assert_consumed()
    for tokens in expected:
        np.testing.assert_array_equal(next(resumed)["inputs"].numpy(), tokens)


def test_two_shards_hold_every_row_once():
    whole = _texts(_dataset("mini_navigation_zs", "test", shuffle=False))
    shards = [
        _texts(_dataset("mini_navigation_zs", "test", shuffle=False, shard_info=seqio.ShardInfo(index, 2)))
        for index in range(2)
    ]
    assert sorted(whole) == sorted(shards[0] + shards[1])


@pytest.mark.parametrize("style", ["zs", "fs", "cot"])
def test_a_perfect_prediction_scores_one_hundred_and_a_rationale_alone_none(style):
    for family in FAMILIES:
        task = seqio.get_mixture_or_task(f"mini_{family}_{style}")
        rows = list(task.get_dataset(LENGTHS, split="validation", shuffle=False).as_numpy_iterator())
        vocabulary = task.output_features["targets"].vocabulary
        wanted = [task.postprocess_fn(row["targets_pretokenized"].decode(), is_target=True) for row in rows]
        given = [
            task.postprocess_fn(vocabulary.decode([int(i) for i in row["targets"]]), is_target=False) for row in rows
        ]
        [metric] = task.metric_fns
        assert metric(wanted, given) == {"exact_match": 100.0}
        answers = [example["targets"] for example in tasks.rendered_rows("validation", family=family, style="zs")]
        assert wanted == answers  # also after a rationale, the answer is the direct one
        assert metric(wanted, ["First this, then that."] * len(wanted)) == {"exact_match": 0.0}


def test_the_vocabulary_of_every_task_is_the_one_a_model_is_given():
    # Trainers compare the two; each call makes a new object, as gin does.
    for task in tasks.TASKS.values():
        assert seqio.get_mixture_or_task(task).output_features["targets"].vocabulary == tasks.mini_vocabulary()
    assert tasks.mini_vocabulary().vocab_size == 1024
