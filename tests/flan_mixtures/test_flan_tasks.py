"""The Flan Collection as SeqIO tasks: names, fields, hosts, and going on from a saved place."""

from __future__ import annotations

import json
import pathlib
import shutil

import numpy as np
import pytest

seqio = pytest.importorskip("seqio")
import tensorflow as tf  # noqa: E402 - after the check that SeqIO is there

import flan_mixtures.tasks as flan_tasks  # noqa: E402
from flan_mixtures.mini.vocabulary import VOCABULARY_FILE  # noqa: E402
from flan_mixtures.pipeline.packed_positions import WINDOW  # noqa: E402
from flan_mixtures.sources import data_root  # noqa: E402
from flan_mixtures.sources.shared_tokenizer import SharedTokenizerVocabulary  # noqa: E402
from t5x.errors import UserError  # noqa: E402

LENGTHS = {"inputs": 256, "targets": 32}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> pathlib.Path:
    """A data folder with two tasks: RTE by its own declaration, and one of the user's own."""
    root = tmp_path_factory.mktemp("data")
    (root / "superglue" / "RTE").mkdir(parents=True)
    rows = [
        {"premise": f"Box {i} holds {i} balls.", "hypothesis": f"There are {i % 7} balls.", "label": label}
        for i, label in enumerate(("entailment", "not_entailment") * 20)
    ]
    for name, some in (("train", rows[:30]), ("val", rows[30:])):
        (root / "superglue" / "RTE" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, some)) + "\n")
    (root / "tasks" / "mine").mkdir(parents=True)
    (root / "tasks" / "mine" / "sums.toml").write_text(
        """
dataset = "sums"
templates = "math_problem"
[fields]
question = "q"
[answer]
text = "a"
[[sources]]
kind = "jsonl"
files = { train = "sums.jsonl" }
"""
    )
    sums = "\n".join(json.dumps({"q": f"What is {i} + {i}?", "a": str(2 * i)}) for i in range(25))
    (root / "sums.jsonl").write_text(sums + "\n")
    (root / "t5_vocab").mkdir()
    shutil.copy(VOCABULARY_FILE, root / "t5_vocab" / "sentencepiece.model")
    return root


@pytest.fixture(autouse=True)
def _use_data(data, monkeypatch):
    monkeypatch.setenv(data_root.ENVIRONMENT_VARIABLE, str(data))


@pytest.fixture(scope="module")
def features() -> dict[str, seqio.Feature]:
    vocabulary = SharedTokenizerVocabulary(str(VOCABULARY_FILE), extra_ids=0)
    return {name: seqio.Feature(vocabulary, add_eos=True) for name in ("inputs", "targets")}


def _task(name: str, features) -> seqio.Task:
    return seqio.get_mixture_or_task(flan_tasks.register(name, features))


def _dataset(task: seqio.Task, **changed) -> tf.data.Dataset:
    options = {"split": "train", "shuffle": True, "seed": 5, "num_epochs": None, **changed}
    return task.get_dataset(LENGTHS, **options)


def _texts(dataset: tf.data.Dataset, count: int) -> list[bytes]:
    return [row["inputs_pretokenized"] for row in dataset.take(count).as_numpy_iterator()]


def test_every_public_name_is_registered():
    styles = {
        "flan": ("zsopt", "fsopt", "zsnoopt", "fsnoopt"),
        "t0": ("zsopt", "fsopt", "zsnoopt", "fsnoopt"),
        "cot": ("zsopt", "fsopt"),
        "dialog": ("zsopt", "fsopt"),
        "niv2": ("zsopt", "fsopt"),
    }
    public = {f"{name}_{style}" for name, some in styles.items() for style in some}
    public |= {f"{name}_submix" for name in ("flan2021", "t0", "niv2", "cot", "dialog", "flan2022")}
    assert public <= set(seqio.TaskRegistry.names())


def test_an_example_has_the_public_passthrough_fields_and_ends_with_eos(features):
    row = next(_dataset(_task("rte_zsopt", features)).as_numpy_iterator())
    assert {"_template_idx", "_task_source", "_task_name", "_template_type"} <= set(row)
    assert (row["_task_name"], row["_task_source"], row["_template_type"]) == (b"rte", b"flan2021", b"zs_opt")
    assert row["inputs"][-1] == row["targets"][-1] == 1
    decoded = features["inputs"].vocabulary.decode(row["inputs"][:-1].tolist())
    assert decoded.split() == row["inputs_pretokenized"].decode().split()


def test_a_task_of_the_users_own_is_a_mixture_too(features):
    rows = _texts(_dataset(_task("mine_submix", features)), 40)
    assert all(b"What is" in row for row in rows)


def test_hosts_together_read_what_one_host_reads(features):
    task = _task("rte_fsopt", features)
    alone = _texts(_dataset(task), 60)
    shares = [_texts(_dataset(task, shard_info=seqio.ShardInfo(host, 3)), 20) for host in range(3)]
    assert [row for rows in zip(*shares, strict=True) for row in rows] == alone


def test_an_iterator_goes_on_from_a_saved_place(features, tmp_path):
    task = _task("rte_fsopt", features)
    through = _texts(_dataset(task), 80)
    iterator = iter(_dataset(task))
    for _ in range(37):
        next(iterator)
    tf.train.Checkpoint(iterator).write(str(tmp_path / "place"))
    again = iter(_dataset(task))
    tf.train.Checkpoint(again).read(str(tmp_path / "place")).assert_consumed()
    assert [next(again)["inputs_pretokenized"].numpy() for _ in range(43)] == through[37:]


def test_no_example_is_longer_than_asked_for(features):
    for row in _dataset(_task("rte_fsopt", features)).take(100).as_numpy_iterator():
        assert len(row["inputs"]) <= LENGTHS["inputs"]
        assert len(row["targets"]) <= LENGTHS["targets"]


def test_an_evaluation_split_holds_each_row_once(features):
    rows = list(_dataset(_task("rte_zsopt", features), split="validation", num_epochs=1).as_numpy_iterator())
    assert sorted(row["_row_id"].decode() for row in rows) == sorted(f"rte/validation/{i}" for i in range(10))


def test_a_pass_over_a_task_holds_each_row_once_and_the_next_renders_it_anew(features):
    rows = list(_dataset(_task("rte_zsopt", features)).take(60).as_numpy_iterator())
    first, second = rows[:30], rows[30:]
    assert {row["_row_id"] for row in first} == {row["_row_id"] for row in second}
    assert {row["inputs_pretokenized"] for row in first} != {row["inputs_pretokenized"] for row in second}
    assert len({row["_row_id"] for row in first}) == 30


def test_lengths_that_nothing_fits_end_with_the_reason(features, monkeypatch):
    monkeypatch.setattr("flan_mixtures.pipeline.render_positions.MOST_LEFT_OUT", 200)
    dataset = _task("rte_zsopt", features).get_dataset({"inputs": 3, "targets": 2}, split="train", num_epochs=None)
    with pytest.raises(tf.errors.OpError, match="Raise the lengths"):
        next(dataset.as_numpy_iterator())


def test_an_unknown_name_is_an_error_with_the_nearest():
    with pytest.raises(UserError, match="flan2022_submix"):
        flan_tasks.register("flan2022_submixx")


def test_a_mixture_without_any_data_says_where_it_looked(features):
    with pytest.raises(UserError, match=r"no task that can be read.*availability"):
        _dataset(_task("dialog_zsopt", features), split="validation")


def test_token_ids_are_those_of_the_texts(features):
    vocabulary = features["inputs"].vocabulary
    for row in _dataset(_task("rte_fsopt", features)).take(20).as_numpy_iterator():
        np.testing.assert_array_equal(row["targets"][:-1], vocabulary.encode(row["targets_pretokenized"].decode()))


def _packed(task: seqio.Task, seed: int = 5, shard: seqio.ShardInfo | None = None) -> tf.data.Dataset:
    return task.packed_dataset(LENGTHS, "train", seed=seed, shard_info=shard, num_epochs=None)


def test_a_window_is_packed_as_seqio_packs_it(features):
    task = _task("rte_fsopt", features)
    converter = seqio.EncDecFeatureConverter(pack=True)
    examples = task.get_dataset(LENGTHS, split="train", seed=5, num_epochs=None).take(WINDOW)
    expected = list(converter(examples, LENGTHS).as_numpy_iterator())
    packed = list(_packed(task).take(len(expected)).as_numpy_iterator())
    for ours, theirs in zip(packed, expected, strict=True):
        assert set(ours) == set(theirs)
        for name, values in theirs.items():
            np.testing.assert_array_equal(ours[name], values, err_msg=name)


def test_packed_rows_go_on_from_a_saved_place(features, tmp_path):
    task = _task("rte_fsopt", features)
    through = [row["encoder_input_tokens"] for row in _packed(task).take(120).as_numpy_iterator()]
    iterator = iter(_packed(task))
    for _ in range(71):
        next(iterator)
    tf.train.Checkpoint(iterator).write(str(tmp_path / "place"))
    again = iter(_packed(task))
    tf.train.Checkpoint(again).read(str(tmp_path / "place")).assert_consumed()
    rest = [next(again)["encoder_input_tokens"].numpy() for _ in range(49)]
    np.testing.assert_array_equal(rest, through[71:])


def test_packed_hosts_share_the_examples(features):
    task = _task("rte_zsopt", features)

    def inputs(host: int) -> list[bytes]:
        found: list[bytes] = []
        for row in _packed(task, shard=seqio.ShardInfo(host, 2)).as_numpy_iterator():
            segments = row["encoder_segment_ids"]
            found += [row["encoder_input_tokens"][segments == n].tobytes() for n in range(1, segments.max() + 1)]
            if len(found) >= WINDOW:
                return found[:WINDOW]
        raise AssertionError("the training split ended")

    alone = [row["inputs"].astype(np.int32).tobytes() for row in _dataset(task).take(2 * WINDOW).as_numpy_iterator()]
    assert [row for both in zip(inputs(0), inputs(1), strict=True) for row in both] == alone
