"""The loss of `states @ kernel` without holding all the logits: in chunks over tokens, gradients made on the way.

Enters: decoder states `[B, L, E]`, the output kernel, targets and weights `[B, L]`. Leaves: weighted sums.
The loss is a sum over tokens, so a chunk's contribution to both gradients is known as soon as its logits are: the
forward pass computes them up to the scalar cotangent of the loss, and the backward pass only scales. Logits of one
chunk live at a time: at batch 128 x 512 and V = 250,112 all of them would be 65 GB in float32.
The values agree with `losses.compute_weighted_cross_entropy`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num

from t5x.losses import smoothing_terms
from t5x.shard.constraint import constrain, shards_of

# Per device. Large enough for matrix products of about 2,000 rows at V = 32,128, small beside the model.
LOGITS_BYTES = 256 * 2**20


class LossSums(NamedTuple):
    """Weighted sums over all positions."""

    loss: Float[Array, ""]  # the z term included
    z_loss: Float[Array, ""]
    correct: Float[Array, ""]  # positions whose target has the highest logit, ties counted as correct


class _Settings(NamedTuple):
    vocabulary_first: bool  # the kernel is [V, E], an embedding table
    label_smoothing: float
    z_loss: float
    chunks: int


def projected_cross_entropy(
    states: Float[Array, "batch length embed"],
    kernel: Float[Array, "inputs outputs"],
    targets: Int[Array, "batch length"],
    weights: Num[Array, "batch length"],
    *,
    vocabulary_first: bool,
    label_smoothing: float,
    z_loss: float,
    logits_bytes: int = LOGITS_BYTES,
) -> LossSums:
    """Returns the weighted sums of the loss over all positions.

    Only `loss` has a gradient, and only towards `states` and `kernel`; the other two sums are for reporting.

    Args:
      states: float32 decoder states.
      kernel: `[E, V]`, or `[V, E]` with `vocabulary_first`.
      targets: ids.
      weights: 0 for positions that do not count.
      vocabulary_first: how the kernel lies.
      label_smoothing: share of probability given to the other ids.
      z_loss: factor of `log(Z)**2`.
      logits_bytes: how much one chunk of logits may take on one device.
    """
    vocab_size = kernel.shape[0 if vocabulary_first else 1]
    chunks = _chunk_count(states.shape[:2], vocab_size, logits_bytes)
    settings = _Settings(vocabulary_first, float(label_smoothing), float(z_loss), chunks)
    return LossSums(*_projected(states, kernel, targets, weights.astype(jnp.float32), settings))


def _chunk_count(shape: tuple[int, int], vocab_size: int, logits_bytes: int) -> int:
    """Returns into how many pieces the length is cut. Rows stay whole: they are what the mesh splits."""
    batch, length = shape
    bytes_per_position = 4 * batch * vocab_size / shards_of(("batch", "length", "vocab"))
    allowed = max(1, int(logits_bytes // bytes_per_position))
    return next(n for n in range(1, length + 1) if length % n == 0 and length // n <= allowed)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _projected(states, kernel, targets, weights, settings):
    def chunk_sums(totals, chunk):
        sums, _ = _chunk(chunk, kernel, settings)
        return tuple(total + part for total, part in zip(totals, sums, strict=True)), None

    zeros = (jnp.zeros(()),) * 3
    return _over_chunks(chunk_sums, zeros, (states, targets, weights), settings.chunks)[0]


def _forward(states, kernel, targets, weights, settings):
    """Also returns both gradients, for a loss cotangent of 1. What is not asked for is never computed."""
    wants_kernel = kernel.perturbed
    kernel = kernel.value

    def chunk_sums_and_gradients(carry, chunk):
        totals, kernel_grad = carry
        sums, logits_grad = _chunk(chunk, kernel, settings)
        totals = tuple(total + part for total, part in zip(totals, sums, strict=True))
        states_grad = _from_vocabulary(logits_grad, kernel, settings)
        if wants_kernel:
            kernel_grad = kernel_grad + _outer(chunk[0], logits_grad, settings)
        return (totals, kernel_grad), states_grad

    carry = ((jnp.zeros(()),) * 3, jnp.zeros_like(kernel) if wants_kernel else None)
    arrays = (states.value, targets.value, weights.value)
    (sums, kernel_grad), states_grad = _over_chunks(chunk_sums_and_gradients, carry, arrays, settings.chunks)
    return sums, (states_grad, kernel_grad)


def _backward(settings, gradients, cotangents):
    del settings
    loss_ct = cotangents[0]
    states_grad, kernel_grad = gradients
    scaled = None if kernel_grad is None else loss_ct * kernel_grad
    return loss_ct * states_grad, scaled, None, None


_projected.defvjp(_forward, _backward, symbolic_zeros=True)


def _over_chunks(body, carry, arrays, chunks):
    """Runs `body` over `chunks` pieces of the length axis; outputs `[B, L, ...]` are put together again."""
    if chunks == 1:
        return body(carry, arrays)

    def split(x):  # [B, L, ...] -> [chunks, B, L / chunks, ...]
        return jnp.moveaxis(x.reshape(x.shape[0], chunks, x.shape[1] // chunks, *x.shape[2:]), 1, 0)

    carry, outputs = jax.lax.scan(body, carry, jax.tree.map(split, arrays))
    if outputs is not None:
        outputs = jnp.moveaxis(outputs, 0, 1)
        outputs = outputs.reshape(outputs.shape[0], -1, *outputs.shape[3:])
    return carry, outputs


def _to_vocabulary(states, kernel, settings):
    return jnp.einsum("ble,ve->blv" if settings.vocabulary_first else "ble,ev->blv", states, kernel)


def _from_vocabulary(logits_grad, kernel, settings):
    return jnp.einsum("blv,ve->ble" if settings.vocabulary_first else "blv,ev->ble", logits_grad, kernel)


def _outer(states, logits_grad, settings):
    """Returns the kernel's gradient, the product over all tokens."""
    if settings.vocabulary_first:
        return jnp.einsum("blv,ble->ve", logits_grad, states)
    # The small factor is turned over in memory first: XLA on CPU is a third faster so.
    by_feature = jax.lax.optimization_barrier(jnp.moveaxis(states, -1, 0))
    return jnp.einsum("ebl,blv->ev", by_feature, logits_grad)


def _chunk(chunk, kernel, settings):
    """Returns the sums of one chunk and the gradient of its loss towards its logits."""
    states, targets, weights = chunk
    logits = constrain(_to_vocabulary(states, kernel, settings), ("batch", "length", "vocab"))
    highest = jnp.max(logits, axis=-1)
    log_z = highest + jnp.log(jnp.sum(jnp.exp(logits - highest[..., None]), axis=-1))
    is_target = jnp.arange(logits.shape[-1], dtype=targets.dtype) == targets[..., None]  # fused, never in memory
    target_logit = jnp.sum(jnp.where(is_target, logits, 0.0), axis=-1)

    confidence, low, constant = smoothing_terms(settings.label_smoothing, logits.shape[-1])
    loss = log_z - (confidence - low) * target_logit - constant
    if settings.label_smoothing:
        loss = loss - low * jnp.sum(logits, axis=-1)
    z_term = settings.z_loss * jnp.square(log_z)
    correct = (target_logit >= highest).astype(jnp.float32)
    sums = (jnp.sum((loss + z_term) * weights), jnp.sum(z_term * weights), jnp.sum(correct * weights))

    scale = (weights * (1.0 + 2.0 * settings.z_loss * log_z))[..., None]
    logits_grad = scale * jnp.exp(logits - log_z[..., None])
    logits_grad = logits_grad - weights[..., None] * jnp.where(is_target, confidence, low)
    return sums, logits_grad
