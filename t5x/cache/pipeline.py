"""The Beam pipeline of one split of one task: examples prepared, counted, described and written as TFRecord files.

Source: SeqIO's cache_tasks_main, whose layout this is: SeqIO reads it with use_cached=True. Two things are done
otherwise, so that the same command writes the same bytes on any runner and with any number of workers: an example's
file and its place there are drawn from (seed, task, split, index) and not from the clock, and all pieces of a split
are read with one seed. Effects: of the pipeline, when it runs.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import seqio
import tensorflow as tf
from seqio import beam_utils

from t5x.cache.plan import SplitPlan
from t5x.cache.worker_setup import WorkerSetup

Example = dict[str, object]


def add_split(pipeline: beam.Pipeline, plan: SplitPlan, setup: WorkerSetup, seed: int) -> None:
    """Adds to the pipeline what writes this split: its records, info.<split>.json and stats.<split>.json."""
    label = f"{plan.task} {plan.split}"
    placed = (
        pipeline
        | f"{label}: pieces" >> beam.Create(range(plan.pieces))
        | f"{label}: reshuffle" >> beam.Reshuffle()
        | f"{label}: prepare" >> beam.FlatMap(prepare, plan, setup, seed)
    )
    records = placed | f"{label}: encode" >> beam.Map(_to_record, plan.files)
    # A file of each number, also where no example falls to it.
    numbers = pipeline | f"{label}: files" >> beam.Create([(number, (0, b"")) for number in range(plan.files)])
    _ = (
        (records, numbers)
        | f"{label}: together" >> beam.Flatten()
        | f"{label}: by file" >> beam.GroupByKey()
        | f"{label}: write" >> beam.Map(_write_file, plan)
    )
    examples = placed | f"{label}: examples" >> beam.Values()
    _ = (
        examples
        | f"{label}: info" >> beam_utils.GetInfo(plan.files)
        | f"{label}: write info" >> beam_utils.WriteJson(seqio.get_cached_info_path(plan.folder, plan.split))
    )
    features = seqio.TaskRegistry.get(plan.task).output_features
    _ = (
        examples
        | f"{label}: stats" >> beam_utils.GetStats(features)
        | f"{label}: write stats" >> beam_utils.WriteJson(seqio.get_cached_stats_path(plan.folder, plan.split))
    )


def prepare(piece: int, plan: SplitPlan, setup: WorkerSetup, seed: int) -> Iterator[tuple[int, Example]]:
    """Yields the examples of one piece, each with a number drawn for it. Raises UserError as the task does."""
    task = setup.task(plan.task)
    shard = seqio.ShardInfo(piece, plan.pieces)
    dataset = task.source.get_dataset(split=plan.split, shuffle=False, seed=seed, shard_info=shard)
    examples = task.preprocess_precache(dataset, seed=seed).prefetch(tf.data.AUTOTUNE)
    for index, example in enumerate(examples):
        text = f"{seed} {plan.task} {plan.split} {piece} {index}"
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
        yield number, {name: _plain(value) for name, value in example.items()}


def _plain(value: tf.Tensor | tf.RaggedTensor) -> object:
    return value if isinstance(value, tf.RaggedTensor) else value.numpy()


def _to_record(placed: tuple[int, Example], files: int) -> tuple[int, tuple[int, bytes]]:
    number, example = placed
    if any(isinstance(value, tf.RaggedTensor) for value in example.values()):
        record = seqio.dict_to_tfexample(example)
    else:
        record = tf.train.Example()
        for name, value in example.items():
            _set(record.features.feature[name], np.asarray(value).reshape(-1))
    return number % files, (number, record.SerializeToString(deterministic=True))


def _set(feature: tf.train.Feature, values: np.ndarray) -> None:
    """Puts values into a feature as SeqIO does, which takes two TensorFlow calls for each and ten times as long."""
    if values.dtype.kind in "iub":
        feature.int64_list.value.extend(values.tolist())
    elif values.dtype.kind == "f":
        feature.float_list.value.extend(values.tolist())
    else:
        feature.bytes_list.value.extend(values.tolist())


def _write_file(group: tuple[int, Iterable[tuple[int, bytes]]], plan: SplitPlan) -> None:
    """Writes one file, in the order of the numbers, under its name only when it is whole."""
    number, records = group
    tf.io.gfile.makedirs(plan.folder)
    prefix = seqio.get_cached_tfrecord_prefix(plan.folder, plan.split)
    path = f"{prefix}-{number:05d}-of-{plan.files:05d}"
    unfinished = os.path.join(plan.folder, f"unfinished-{uuid.uuid4().hex}")
    with tf.io.TFRecordWriter(unfinished) as writer:
        for _, record in sorted(records):
            if record:
                writer.write(record)
    tf.io.gfile.rename(unfinished, path, overwrite=True)
