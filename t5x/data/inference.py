"""Runs a decoding or scoring function over an enumerated dataset, a batch at a time.

Examples are taken in order of length and their inputs cut to the longest of the batch, rounded up, so that short
examples do not pay for long ones and few shapes are compiled; padding does not change what a row computes.
Source: the contract of `seqio.Evaluator`: (index, example) in, (index, output) out. T5X `utils.get_infer_fn`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from t5x.shard.partitioner import PjitPartitioner

# Inputs are padded to a multiple of it.
LENGTH_STEP = 64
INPUT_FEATURE = "encoder_input_tokens"

Batch = dict[str, np.ndarray]
# (params, batch, rng) -> pytree of arrays whose leading axis is the batch
InferStep = Callable[[Any, Batch, jax.Array], Any]


class Stopped(Exception):
    """The run was asked to stop while it evaluated."""


def batches_by_length(examples: Sequence[Batch], batch_size: int) -> Iterator[tuple[list[int], Batch]]:
    """Yields (positions in `examples`, batch), the last batch filled up with copies of its last row.

    Args:
      examples: features `[L]` each, padded with 0.
      batch_size: rows of every batch.
    """
    lengths = [_used_length(example) for example in examples]
    order = sorted(range(len(examples)), key=lambda i: -lengths[i])  # longest first: memory runs out at once or never
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        filled = rows + [rows[-1]] * (batch_size - len(rows))
        batch = {name: np.stack([examples[i][name] for i in filled]) for name in examples[rows[0]]}
        if INPUT_FEATURE in batch:
            longest = max(lengths[i] for i in rows)
            width = min(-(-max(longest, 1) // LENGTH_STEP) * LENGTH_STEP, batch[INPUT_FEATURE].shape[1])
            batch[INPUT_FEATURE] = batch[INPUT_FEATURE][:, :width]
        yield rows, batch


def _used_length(example: Mapping[str, np.ndarray]) -> int:
    tokens = example.get(INPUT_FEATURE)
    if tokens is None:
        return 0
    return int(np.max(np.nonzero(tokens)[0], initial=-1)) + 1


def get_infer_fn(
    infer_step: InferStep,
    batch_size: int,
    partitioner: PjitPartitioner,
    should_stop: Callable[[], bool] = lambda: False,
    on_batch: Callable[[int, int], None] = lambda done, total: None,
) -> Callable[..., list[tuple[int, Any]]]:
    """Returns `f(dataset, params, rng=None) -> [(index, output), ...]` in order of index.

    Args:
      infer_step: computes one batch.
      batch_size: global.
      partitioner: says where arrays lie.
      should_stop: looked at between batches.
      on_batch: told how many of how many examples are done.
    """
    compiled = partitioner.partition(infer_step, None, partitioner.replicated)

    def infer(dataset: Any, params: Any, rng: jax.Array | None = None) -> list[tuple[int, Any]]:
        rng = jax.random.key(0) if rng is None else rng  # T5X's key of evaluation
        indices, examples = [], []
        for index, example in dataset.as_numpy_iterator():
            indices.append(int(index))
            examples.append({k: v for k, v in example.items() if np.issubdtype(v.dtype, np.number)})
        results: dict[int, Any] = {}
        for rows, batch in batches_by_length(examples, batch_size):
            if should_stop():
                raise Stopped
            rng, batch_rng = jax.random.split(rng)
            outputs = jax.device_get(compiled(params, partitioner_batch(partitioner, batch), batch_rng))
            for position, row in enumerate(rows):
                results[indices[row]] = jax.tree.map(lambda leaf, at=position: leaf[at], outputs)
            on_batch(len(results), len(examples))
        return sorted(results.items())

    return infer


def partitioner_batch(partitioner: PjitPartitioner, batch: Batch) -> dict[str, jax.Array]:
    """Returns a batch that every process holds whole, on the devices: each process hands over its own rows."""
    layout = partitioner.get_data_layout(next(iter(batch.values())).shape[0])
    size = layout.batch_size // layout.num_shards
    rows = slice(layout.shard_id * size, (layout.shard_id + 1) * size)
    return partitioner.global_batch({name: values[rows] for name, values in batch.items()})
