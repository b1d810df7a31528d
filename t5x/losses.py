"""Cross entropy with label smoothing and z-loss, and what the summed loss is divided by.

Enters: float32 logits `[B, L, V]`, targets `[B, L]`, weights `[B, L]`. Leaves: sums over the batch (not means).
Source: T5X `losses.py`; z-loss from Mesh TensorFlow (it keeps log Z near 0); numbers agree with T5X's.
"""

from __future__ import annotations

import enum
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from t5x.errors import UserError


@jax.custom_vjp
def cross_entropy_with_logits(
    logits: Float[Array, "*batch vocab"], targets: Float[Array, "*batch vocab"], z_loss: float | Float[Array, ""]
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """Returns `(cross entropy + z term, z term)` per position, for targets given as distributions.

    The z term is `z_loss * log(Z)**2` with Z the softmax normaliser.
    """
    return _cross_entropy_forward(logits, targets, z_loss)[0]


def _cross_entropy_forward(logits, targets, z_loss):
    log_z = jax.nn.logsumexp(logits, axis=-1)
    z_term = z_loss * jnp.square(log_z)
    # sum(targets) may differ from 1; the general form keeps T5X's value.
    loss = -jnp.sum(targets * (logits - log_z[..., None]), axis=-1) + z_term
    return (loss, z_term), (logits, targets, z_loss, log_z)


def _cross_entropy_backward(residuals, cotangents):
    logits, targets, z_loss, log_z = residuals
    loss_ct, _ = cotangents  # the z term is reported, and already part of the loss
    softmax = jnp.exp(logits - log_z[..., None])
    logits_ct = loss_ct[..., None] * ((jnp.sum(targets, axis=-1) + 2.0 * z_loss * log_z)[..., None] * softmax - targets)
    targets_ct = -loss_ct[..., None] * (logits - log_z[..., None])
    return (
        logits_ct.astype(logits.dtype),
        targets_ct.astype(targets.dtype),
        jnp.zeros_like(jnp.asarray(z_loss, jnp.float32)),
    )


cross_entropy_with_logits.defvjp(_cross_entropy_forward, _cross_entropy_backward)


def smoothing_terms(label_smoothing: float, vocab_size: int) -> tuple[float, float, float]:
    """Returns `(confidence, low confidence, constant)` of smoothed targets.

    The target gets `confidence`, every other id `low confidence`; `constant`, the entropy of that distribution, is
    subtracted so that a perfect prediction has loss 0.
    """
    confidence = 1.0 - label_smoothing
    low = label_smoothing / (vocab_size - 1)
    # 1e-20 keeps log(0) out when there is no smoothing; T5X's constant.
    constant = -(confidence * math.log(confidence) + (vocab_size - 1) * low * math.log(low + 1e-20))
    return confidence, low, constant


def compute_weighted_cross_entropy(
    logits: Float[Array, "batch length vocab"],
    targets: Int[Array, "batch length"],
    weights: Num[Array, "batch length"] | None = None,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    loss_normalizing_factor: float | int | Num[Array, ""] | None = None,
) -> tuple[Float[Array, ""], Float[Array, ""], Num[Array, ""]]:
    """Returns `(loss, z_loss, weight_sum)`, summed over positions and divided by the factor where one is given.

    Raises:
      UserError: logits and targets of shapes that do not go together.
    """
    if logits.ndim != targets.ndim + 1:
        raise UserError(
            f"logits of shape {logits.shape} need targets of shape {logits.shape[:-1]}, not {targets.shape}."
        )
    confidence, low, constant = smoothing_terms(label_smoothing, logits.shape[-1])
    soft_targets = jnp.where(
        targets[..., None] == jnp.arange(logits.shape[-1], dtype=targets.dtype), confidence, low
    ).astype(jnp.float32)
    loss, z_term = cross_entropy_with_logits(logits, soft_targets, z_loss)
    loss = loss - constant
    weight_sum = jnp.asarray(targets.size, jnp.float32)
    if weights is not None:
        loss, z_term, weight_sum = loss * weights, z_term * weights, jnp.sum(weights)
    divisor = 1.0 if loss_normalizing_factor is None else loss_normalizing_factor
    return jnp.sum(loss) / divisor, jnp.sum(z_term) / divisor, weight_sum


class SpecialLossNormalizingFactor(enum.Enum):
    """Divisors of the summed loss that depend on the batch."""

    NUM_REAL_TARGET_TOKENS = 1  # the sum of the loss weights
    NUM_TOTAL_TARGET_TOKENS = 2  # batch times length, padding included
    AVERAGE_PER_SEQUENCE = 3  # mean over a sequence, then mean over sequences


def special_loss_normalizing_factor(name: str) -> SpecialLossNormalizingFactor:
    """Returns the member called `name`, in any case.

    Raises:
      UserError: no such name.
    """
    try:
        return SpecialLossNormalizingFactor[name.upper()]
    except KeyError:
        names = ", ".join(member.name for member in SpecialLossNormalizingFactor)
        raise UserError(f"loss_normalizing_factor is {name!r}; expected a number, None, or one of {names}.") from None


# A feature `[B]` that a microbatch carries: the divisor of the batch it was cut from.
NORMALIZER_FEATURE = "loss_normalizer_of_whole_batch"


def _segment_sum(values: jax.Array, segment_ids: jax.Array) -> jax.Array:
    """Returns, at every position, the sum over the positions of the same row and segment: [B, L] -> [B, L]."""
    same = (segment_ids[:, :, None] == segment_ids[:, None, :]).astype(values.dtype)
    return jnp.einsum("bij,bj->bi", same, values)


def get_loss_normalizing_factor_and_weights(
    loss_normalizing_factor: float | int | str | SpecialLossNormalizingFactor | None,
    batch: dict[str, jax.Array],
) -> tuple[float | int | Num[Array, ""] | None, Num[Array, "batch length"] | None]:
    """Returns `(divisor, weights)` for a batch.

    AVERAGE_PER_SEQUENCE divides the weights of each sequence by its own sum, of each packed sequence where
    `decoder_segment_ids` tell sequences apart, and the divisor is the number of sequences with any weight.
    """
    weights = batch.get("decoder_loss_weights")
    if loss_normalizing_factor is None or isinstance(loss_normalizing_factor, (int, float)):
        return loss_normalizing_factor, weights
    if isinstance(loss_normalizing_factor, str):
        loss_normalizing_factor = special_loss_normalizing_factor(loss_normalizing_factor)
    targets = batch["decoder_target_tokens"]
    if weights is None:
        weights = (targets > 0).astype(jnp.float32)
    weights = weights.astype(jnp.float32)
    if loss_normalizing_factor is SpecialLossNormalizingFactor.NUM_TOTAL_TARGET_TOKENS:
        factor = jnp.asarray(targets.size, jnp.float32)
    else:
        if loss_normalizing_factor is SpecialLossNormalizingFactor.AVERAGE_PER_SEQUENCE:
            sums = _segment_sum(weights, batch.get("decoder_segment_ids", jnp.zeros_like(targets)))
            weights = jnp.where(sums > 0, weights / jnp.where(sums > 0, sums, 1.0), 0.0)
        factor = jnp.sum(weights)
    if NORMALIZER_FEATURE in batch:
        factor = batch[NORMALIZER_FEATURE][0]
    return factor, weights
