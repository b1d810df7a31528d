"""Gradients of a large batch from several small ones.

Microbatches draw different dropout masks, and what the loss is divided by is taken from the whole batch, so that the
result does not depend on their number (both are defects of T5X that are not reproduced here).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from t5x.errors import UserError
from t5x.metrics import MetricsMap, merge

PyTree = Any
# (params, batch, rng) -> ((loss, metrics), gradients)
GradFn = Callable[..., tuple[tuple[jax.Array, MetricsMap], PyTree]]


def divisors(n: int) -> list[int]:
    """Returns the numbers that divide `n`, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]


def check_microbatches(batch_size: int, num_microbatches: int, data_shards: int = 1) -> None:
    """Checks that every shard of the batch falls into equal microbatches.

    Raises:
      UserError: it does not; the message lists numbers that fit.
    """
    if batch_size % data_shards:
        fitting = [n for n in range(data_shards, batch_size + 2 * data_shards, data_shards)]
        raise UserError(
            f"batch size {batch_size} is not divisible by the {data_shards} data shards of the mesh; choose a multiple "
            f"of {data_shards} such as {', '.join(map(str, fitting[-2:]))}, or other num_partitions."
        )
    per_shard = batch_size // data_shards
    if per_shard % num_microbatches:
        raise UserError(
            f"batch size {batch_size} on {data_shards} data shard(s) leaves {per_shard} examples each, which is not "
            f"divisible by num_microbatches {num_microbatches}; choose one of "
            f"{', '.join(map(str, divisors(per_shard)))}."
        )


def accumulate_gradients(
    grad_fn: GradFn, params: PyTree, batch: dict[str, jax.Array], rng: jax.Array | None, num_microbatches: int | None
) -> tuple[tuple[jax.Array, MetricsMap], PyTree]:
    """Returns `((loss, metrics), gradients)`, summed in float32 over microbatches.

    Args:
      grad_fn: of one microbatch, `jax.value_and_grad(loss_fn, has_aux=True)`.
      params: parameters.
      batch: features whose leading axis is the batch.
      rng: for dropout, or None.
      num_microbatches: None, 0 and 1 mean the whole batch at once.
    """
    if not num_microbatches or num_microbatches == 1:
        return grad_fn(params, batch, rng)
    batch_size = next(iter(batch.values())).shape[0]
    check_microbatches(batch_size, num_microbatches)

    def microbatch(i):
        # Rows i, i + n, i + 2n, ...: each device has its share of every microbatch, and none moves.
        def rows(x):
            grouped = x.reshape(x.shape[0] // num_microbatches, num_microbatches, *x.shape[1:])
            return jax.lax.dynamic_index_in_dim(grouped, i, axis=1, keepdims=False)

        return jax.tree.map(rows, batch)

    def gradients_of(i):
        return grad_fn(params, microbatch(i), None if rng is None else jax.random.fold_in(rng, i))

    def add(i, total):
        (loss, metrics), grads = total
        (new_loss, new_metrics), new_grads = gradients_of(i)
        grads = jax.tree.map(lambda a, b: a + b.astype(jnp.float32), grads, new_grads)
        return (loss + new_loss, merge(metrics, new_metrics)), grads

    (loss, metrics), grads = gradients_of(0)
    first = (loss, metrics), jax.tree.map(lambda g: g.astype(jnp.float32), grads)
    return jax.lax.fori_loop(1, num_microbatches, add, first)
