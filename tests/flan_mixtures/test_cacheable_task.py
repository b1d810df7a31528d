"""A task with a cache: what the cache's pipeline and the one on the fly are told, and what is left out of a cache."""

from __future__ import annotations

import json
import logging

import pytest

LENGTHS = {"inputs": 6, "targets": 6}
SIZES = (3, 9, 5)  # tokens of the cached rows; with EOS, as a cache holds them


@pytest.fixture
def task(tmp_path):
    """A task that says which lengths its pipeline got, with a cache of three rows."""
    import numpy as np
    import seqio
    import tensorflow as tf

    from flan_mixtures.pipeline.cacheable_task import CacheableTask

    def on_the_fly(dataset, sequence_length):
        return dataset.map(lambda row: {name: tf.fill([sequence_length[name] - 1], 7) for name in row})

    def cached(dataset):
        return dataset.map(lambda row: {name: tf.fill([20], 7) for name in row})

    def rows(split, shuffle_files):
        return tf.data.Dataset.from_tensors({"inputs": 0, "targets": 0})

    vocabulary = seqio.ByteVocabulary()
    made = CacheableTask(
        "kept",
        source=seqio.FunctionDataSource(rows, splits=["train"]),
        preprocessors=[on_the_fly],
        cached_preprocessors=[cached],
        output_features={name: seqio.Feature(vocabulary) for name in LENGTHS},
    )
    folder = tmp_path / "kept"
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "train.tfrecord-00000-of-00001")) as writer:
        for size in SIZES:
            ids = np.full(size, 7, np.int32)
            writer.write(seqio.dict_to_tfexample({"inputs": ids, "targets": ids[:3]}).SerializeToString())
    features = {name: {"dtype": "int32", "shape": [None]} for name in LENGTHS}
    info = {"features": features, "num_shards": 1, "seqio_version": seqio.__version__}
    (folder / "info.train.json").write_text(json.dumps(info))
    stats = {"examples": len(SIZES), "inputs_max_tokens": max(SIZES) - 1, "targets_max_tokens": 2}
    (folder / "stats.train.json").write_text(json.dumps(stats))
    (folder / "COMPLETED").write_text("")
    kept = list(seqio.get_global_cache_dirs())
    seqio.add_global_cache_dirs([str(tmp_path)])
    yield made
    seqio.get_global_cache_dirs()[:] = kept


def sizes(dataset) -> list[int]:
    return sorted(len(row["inputs"]) for row in dataset.as_numpy_iterator())


def test_on_the_fly_the_pipeline_is_told_the_lengths_of_the_run(task):
    assert sizes(task.get_dataset(LENGTHS, "train", shuffle=False)) == [5]
    assert sizes(task.replace(name="other").get_dataset(LENGTHS, "train", shuffle=False)) == [5]


def test_the_caches_pipeline_is_the_one_that_beam_is_given(task):
    assert task.supports_caching
    source = task.source.get_dataset("train", shuffle=False)
    assert sizes(task.preprocess_precache(source)) == [20]


def test_cached_examples_longer_than_the_run_are_left_out_whole_and_counted(task, caplog):
    with caplog.at_level(logging.WARNING, "flan_mixtures"):
        assert sizes(task.get_dataset(LENGTHS, "train", use_cached=True, shuffle=False)) == [3, 5]
    assert "1 of 3 cached examples are longer than inputs 6, targets 6" in caplog.text


def test_where_all_cached_examples_fit_nothing_is_said(task, caplog):
    with caplog.at_level(logging.WARNING, "flan_mixtures"):
        read = task.get_dataset({"inputs": 9, "targets": 3}, "train", use_cached=True, shuffle=False)
        assert sizes(read) == sorted(SIZES)
    assert not caplog.text


def test_a_training_split_without_an_end_cannot_be_cached():
    from flan_mixtures.pipeline.positions_source import PositionsSource
    from t5x.errors import UserError

    with pytest.raises(UserError, match=r"positions_source\.training_examples\.count"):
        PositionsSource("cot_submix").list_shards("train")
