"""SeqIO tasks over rows in memory: order, hosts, splits, and rows longer than the requested lengths."""

from __future__ import annotations

import pytest

seqio = pytest.importorskip("seqio")

from flan_mixtures.mini import tasks  # noqa: E402
from flan_mixtures.sources.length_limit import count_long_rows  # noqa: E402
from flan_mixtures.sources.rows_source import RowsSource  # noqa: E402
from t5x.errors import UserError  # noqa: E402

NAME = "mini_arithmetic_cot"


def _source(count):
    return RowsSource(lambda split: [{"inputs": str(i)} for i in range(count)], splits=["train"])


def _inputs(dataset):
    return [int(row["inputs"]) for row in dataset.as_numpy_iterator()]


def test_rows_keep_their_order_without_shuffling():
    assert _inputs(_source(5).get_dataset("train", shuffle=False)) == [0, 1, 2, 3, 4]


def test_shuffled_order_depends_on_the_seed_alone():
    first, again, other = (_inputs(_source(40).get_dataset("train", True, seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_hosts_share_the_rows_without_overlap():
    shards = [_inputs(_source(11).get_dataset("train", True, 3, seqio.ShardInfo(i, 4))) for i in range(4)]
    assert sorted(row for shard in shards for row in shard) == list(range(11))


def test_an_unknown_split_names_those_there_are():
    with pytest.raises(UserError, match="no split 'test'; choose one of 'train'"):
        _source(5).rows("test")


def test_a_split_without_rows_is_an_error():
    with pytest.raises(UserError, match="'train' has no rows"):
        _source(0).get_dataset("train")


def test_rows_too_long_for_training_are_left_out_whole_and_counted(caplog):
    task = seqio.TaskRegistry.get(NAME)
    rows = task.source.rows("train")
    long = count_long_rows(rows, {"inputs": 12, "targets": 16}, task.output_features)
    assert 0 < long < len(rows)
    with caplog.at_level("WARNING"):
        kept = list(task.get_dataset({"inputs": 13, "targets": 17}, "train", shuffle=False).as_numpy_iterator())
    assert len(kept) == len(rows) - long
    assert all(row["targets"][-1] == 1 for row in kept)
    message = next(record.getMessage() for record in caplog.records if NAME in record.getMessage())
    assert f"{long} of {len(rows)} rows are longer than inputs 13, targets 17 tokens and are left out" in message


def test_the_quick_length_bound_never_misses_a_long_row():
    rows = seqio.TaskRegistry.get(NAME).source.rows("validation")
    rows = [*rows, *({"inputs": row["inputs"] + " Zürich 東京 ﷺ", "targets": ""} for row in rows)]
    vocabulary = tasks.mini_vocabulary()
    features = {"inputs": seqio.Feature(vocabulary)}
    for limit in (10, 12, 20, 30):
        exact = sum(len(vocabulary.encode(row["inputs"])) > limit for row in rows)
        assert count_long_rows(rows, {"inputs": limit}, features) == exact
