"""One training step and one evaluation step, as pure functions.

Enters: model, train state, device batch, random key. Leaves: the next state, and metrics as sums on the device.
Source: T5X `trainer.train_with_lr`, `eval_step`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from t5x.losses import NORMALIZER_FEATURE, get_loss_normalizing_factor_and_weights
from t5x.metrics import Average, MetricsMap
from t5x.microbatch import accumulate_gradients
from t5x.model.interface import BaseModel
from t5x.optim.learning_rate import LearningRateCallable
from t5x.train_state import FlaxOptimTrainState

Batch = dict[str, jax.Array]


def train_step(
    model: BaseModel,
    state: FlaxOptimTrainState,
    batch: Batch,
    rng: jax.Array,
    learning_rate_fn: LearningRateCallable,
    num_microbatches: int | None = None,
) -> tuple[FlaxOptimTrainState, MetricsMap]:
    """Returns the state after one step and what the step reports.

    Args:
      model: gives loss and metrics.
      state: donated by the caller.
      batch: one global batch.
      rng: the run's key; the step's own is derived from it and `state.step`.
      learning_rate_fn: schedule over steps, seen with the step before the update.
      num_microbatches: how many pieces the batch is cut into.
    """
    batch = _with_whole_batch_normalizer(model, batch, num_microbatches)
    step_rng = jax.random.fold_in(rng, state.step)
    grad_fn = jax.value_and_grad(model.loss_fn, has_aux=True)
    (_, metrics), grads = accumulate_gradients(grad_fn, state.params, batch, step_rng, num_microbatches)
    scheduled = learning_rate_fn(state.step)
    new_state = state.apply_gradient(grads, scheduled)
    in_use = state.learning_rate(scheduled)
    one = jnp.ones(())
    return new_state, {**metrics, "learning_rate": Average(jnp.asarray(in_use, jnp.float32), one)}


def eval_step(model: BaseModel, state: FlaxOptimTrainState, batch: Batch) -> MetricsMap:
    """Returns the metrics of a batch, without dropout."""
    return model.eval_fn(state.params, batch)[1]


def _with_whole_batch_normalizer(model: BaseModel, batch: Batch, num_microbatches: int | None) -> Batch:
    """Returns the batch with its divisor written beside every row, so that microbatches divide by the same number."""
    special: Any = getattr(model, "_loss_normalizing_factor", None)
    if not num_microbatches or num_microbatches == 1 or special is None or isinstance(special, (int, float)):
        return batch
    factor, _ = get_loss_normalizing_factor_and_weights(special, batch)
    rows = batch["decoder_target_tokens"].shape[0]
    return {**batch, NORMALIZER_FEATURE: jnp.full((rows,), factor, jnp.float32)}
