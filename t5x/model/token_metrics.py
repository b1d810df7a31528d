"""What is reported of a batch: loss per token, accuracy, padding, rates.

Source: names as in T5X `models.compute_base_metrics`, seen in TensorBoard under `train/` and `training_eval/<task>/`.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from t5x.metrics import Average, AveragePerStep, Metric, StepsPerTime, Sum, Time, TimeRate

_PADDED_FEATURES = {  # feature that is 0 at padding -> side it belongs to
    "encoder_segment_ids": "encoder",
    "decoder_segment_ids": "decoder",
    "encoder_input_tokens": "encoder_input_tokens",
    "decoder_target_tokens": "decoder_target_tokens",
}


def token_metrics(
    *,
    loss_sum: Float[Array, ""],
    z_loss_sum: Float[Array, ""],
    divisor: float | int | Float[Array, ""],
    correct: Float[Array, ""],
    weight_sum: Float[Array, ""],
    batch: Mapping[str, jax.Array],
) -> dict[str, Metric]:
    """Returns the metrics of one batch.

    Args:
      loss_sum: weighted sum over the batch, the z term included.
      z_loss_sum: the z term in it.
      divisor: the normalising factor of the loss. It divides what is reported per step, and nothing that is reported
        per token (T5X divides those too, so that they depend on the factor).
      correct: weighted number of positions whose target has the highest logit.
      weight_sum: sum of the weights in the two sums.
      batch: features `[B, L]`.
    """
    targets = batch["decoder_target_tokens"]
    weights = batch.get("decoder_loss_weights", targets > 0).astype(jnp.float32)
    examples, tokens = targets.shape[0], targets.size
    devices = jax.device_count()
    cross_entropy_sum = loss_sum - z_loss_sum
    return {
        "accuracy": Average(correct, weight_sum),
        "loss": AveragePerStep(loss_sum / divisor),
        "loss_per_nonpadding_target_token": Average(loss_sum, weight_sum),
        "loss_per_all_target_tokens": Average(loss_sum, _count(tokens)),
        "z_loss": AveragePerStep(z_loss_sum / divisor),
        "z_loss_per_all_target_tokens": Average(z_loss_sum, _count(tokens)),
        "cross_ent_loss": AveragePerStep(cross_entropy_sum / divisor),
        "cross_ent_loss_per_all_target_tokens": Average(cross_entropy_sum, _count(tokens)),
        "non_padding_fraction/loss_weights": Average(jnp.sum(weights > 0, dtype=jnp.float32), _count(tokens)),
        "timing/seconds": Time(),
        "timing/steps_per_second": StepsPerTime(),
        "timing/seqs": Sum(_count(examples)),
        "timing/seqs_per_second": TimeRate(_count(examples)),
        "timing/seqs_per_second_per_core": TimeRate(_count(examples / devices)),
        "timing/target_tokens_per_second": TimeRate(_count(tokens)),
        "timing/target_tokens_per_second_per_core": TimeRate(_count(tokens / devices)),
        **_padding_metrics(batch),
    }


def _padding_metrics(batch: Mapping[str, jax.Array]) -> dict[str, Metric]:
    """Returns how full the batch is; packed examples are told apart by their segment ids."""
    packed = "decoder_segment_ids" in batch
    features = [name for name in _PADDED_FEATURES if name in batch and name.endswith("segment_ids") == packed]
    metrics: dict[str, Metric] = {}
    real, total = _count(0), 0
    for name in features:
        values, side = batch[name], _PADDED_FEATURES[name]
        nonpadding = jnp.sum(values > 0, dtype=jnp.float32)
        sequences = jnp.sum(jnp.max(values, axis=-1)) if packed else _count(values.shape[0])
        metrics[f"effective_batch_size/{side}"] = AveragePerStep(sequences)
        metrics[f"non_padding_fraction/{side}"] = Average(nonpadding, _count(values.size))
        real, total = real + nonpadding, total + values.size
    metrics["non_padding_fraction/overall"] = Average(real, _count(total))
    # Not T5X's: what a second of training really read, inputs and targets, without padding.
    metrics["timing/nonpadding_tokens_per_second"] = TimeRate(real)
    return metrics


def _count(number: int | float) -> Float[Array, ""]:
    """Returns a number as float32: sums of tokens between two reports go beyond what int32 holds."""
    return jnp.float32(number)
