"""Runs a model over one shard of a task, a chunk of batches at a time.

Enters: a task, parameters, the files of the shard. Leaves: the shard's result file.
A chunk's rows, batches and random numbers follow from its number alone, so a run that was killed and goes on writes the
same bytes as one that never stopped. With several processes all of them compute and process 0 writes.
Source: T5X `infer.py`. Effects: reads data, writes the shard's files.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import seqio
import tensorflow as tf
from jax.experimental import multihost_utils

from t5x.data.dataset_config import DatasetConfig
from t5x.data.inference import get_infer_fn
from t5x.data.inference_chunks import MergeFn, ShardFiles
from t5x.data.inference_output import Inferences
from t5x.errors import UserError
from t5x.model.interface import BaseModel
from t5x.report.progress import Progress
from t5x.shard.partitioner import PjitPartitioner

logger = logging.getLogger(__name__)


class ShardInference:
    """Inference with one model, one mode, and one way of cutting and writing; for any number of tasks."""

    def __init__(
        self,
        model: BaseModel,
        mode: str,
        cfg: DatasetConfig,
        partitioner: PjitPartitioner,
        checkpoint_period: int,
        write_fn: Callable[..., None],
        merge_fn: MergeFn | None,
        keep_aux_as_numpy: bool = False,
    ):
        """Sets what is run; parameters as `t5x.infer.infer` has them, `merge_fn` None keeps chunks as the result."""
        steps = {
            "predict": lambda params, batch, rng: model.predict_batch(params, batch, rng),
            "predict_with_aux": lambda params, batch, rng: model.predict_batch_with_aux(params, batch, rng),
            "score": lambda params, batch, rng: model.score_batch(params, batch),
        }
        self._mode = mode
        self._cfg = cfg
        self._rows_per_chunk = checkpoint_period * cfg.batch_size
        self._write_fn = write_fn
        self._merge_fn = merge_fn
        self._keep_aux_as_numpy = keep_aux_as_numpy
        self._converter = model.FEATURE_CONVERTER_CLS(pack=False)
        self._on_batch: Callable[[int], None] = lambda done: None
        self._infer = get_infer_fn(
            steps[mode], cfg.batch_size, partitioner, on_batch=lambda done, total: self._on_batch(done)
        )

    @property
    def batch_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes `[B, L]` of a batch's features."""
        lengths = self._converter.get_model_feature_lengths(dict(self._cfg.task_feature_lengths))
        return {name: (self._cfg.batch_size, length) for name, length in lengths.items()}

    def run(self, task: seqio.Task, files: ShardFiles, vocabulary: Any, params: Any) -> None:
        """Computes the chunks that are missing, then makes the result file of them.

        Args:
          task: what is read.
          files: of the shard.
          vocabulary: turns predictions into text.
          params: parameters.

        Raises:
          UserError: results could not be written.
        """
        first = _of_process_0(files.complete_chunks())
        if first:
            logger.info("%s: going on after %d chunks that are complete", files.result.name, first)
        dataset = self._examples(task, files)
        rows = dataset.skip(first * self._rows_per_chunk).as_numpy_iterator()
        total = _expected_rows(task, self._cfg.split, files.num_shards)
        number, done = first, first * self._rows_per_chunk
        with Progress(max(total, done), first_step=done, activity=f"{self._mode} {task.name}") as progress:
            while chunk := list(itertools.islice(rows, self._rows_per_chunk)):
                # Without a total there is no share done and no time left to show, only what is kept.
                self._on_batch = lambda count, before=done: progress.step(before + count) if total else None
                examples = tf.data.Dataset.from_generator(
                    lambda chunk=chunk: iter(chunk), output_signature=dataset.element_spec
                )
                self._write_chunk(files, number, examples, vocabulary, self._inferences(examples, params, number))
                number, done = number + 1, done + len(chunk)
                if not total:
                    progress.message(f"{files.result.name}: {done:,} examples are kept")
        if jax.process_index() == 0:
            with _explained(files):
                files.finish(number, self._merge_fn)
        _wait_for_all(f"finished {files.result.name}")
        logger.info("%d examples in %s", done, files.result if self._merge_fn else files.output_dir)

    def _examples(self, task: seqio.Task, files: ShardFiles) -> tf.data.Dataset:
        return task.get_dataset(
            sequence_length=dict(self._cfg.task_feature_lengths),
            split=self._cfg.split,
            use_cached=self._cfg.use_cached,
            shuffle=self._cfg.shuffle,
            seed=self._cfg.seed,
            shard_info=seqio.ShardInfo(files.shard_id, files.num_shards),
            num_epochs=1,
            trim_output_features=self._cfg.trim_output_features,
            try_in_mem_cache=False,  # read once
        )

    def _inferences(self, examples: tf.data.Dataset, params: Any, number: int) -> Inferences:
        """Returns the results of a chunk and its auxiliary values, in the order of its examples."""
        features = self._converter(examples, task_feature_lengths=dict(self._cfg.task_feature_lengths))
        # T5X's key: of the chunk, then split for every batch.
        outputs = self._infer(features.enumerate(), params, jax.random.fold_in(jax.random.key(0), number))
        has_aux = bool(outputs) and isinstance(outputs[0][1], tuple)
        results = [output[0] if has_aux else output for _, output in outputs]
        aux: dict[str, list[Any]] = {}
        for _, output in outputs if has_aux else ():
            for name, value in output[1].items():
                aux.setdefault(name, []).append(value if self._keep_aux_as_numpy else np.asarray(value).tolist())
        return results, aux

    def _write_chunk(
        self, files: ShardFiles, number: int, examples: tf.data.Dataset, vocabulary: Any, inferences: Inferences
    ) -> None:
        if jax.process_index() == 0:
            with _explained(files):
                self._write_fn(str(files.chunk(number)), inferences, examples, self._mode, vocabulary=vocabulary)
                files.complete_chunk(number)
        _wait_for_all(f"{files.result.name} chunk {number}")


@contextlib.contextmanager
def _explained(files: ShardFiles) -> Iterator[None]:
    """Turns a failure to write into a UserError."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"results cannot be written to {files.output_dir}: {error}. What was kept before is intact; free space or "
            "mend the folder, then start the same command again: it goes on from there."
        ) from error


def _expected_rows(task: seqio.Task, split: str, num_shards: int) -> int:
    """Returns about how many rows the shard has, 0 where the source does not say; preprocessors may change it."""
    try:
        return -(-(task.source.num_input_examples(split) or 0) // num_shards)
    except (KeyError, TypeError, ValueError, NotImplementedError):  # seqio.DataSource's own raises the last
        return 0


def _of_process_0(value: int) -> int:
    if jax.process_count() == 1:
        return value
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def _wait_for_all(name: str) -> None:
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)
