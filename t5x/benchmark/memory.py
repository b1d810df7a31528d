"""Peak memory of the loss and its gradients, in chunks over tokens and with all logits at once.

Enters: T5Config and the shape of a batch. Leaves: bytes, from XLA's plan of the compiled program; nothing is computed
and nothing of the batch's size is allocated, so a large machine's batch can be looked at on a laptop.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from t5x.benchmark.workload import Z_LOSS, Shape
from t5x.examples.t5.network import T5Config
from t5x.losses import compute_weighted_cross_entropy
from t5x.projected_loss import projected_cross_entropy


class LossMemory(NamedTuple):
    """Bytes beside the arguments (states, kernel) and the two gradients."""

    in_chunks: int
    whole: int
    logits: int  # what all logits take in float32


def loss_memory(config: T5Config, shape: Shape) -> LossMemory:
    """Returns what the loss of decoder states `[B, L, E]` needs, with its gradients to states and kernel."""
    batch, length = shape.batch_size, shape.target_length
    states = jax.ShapeDtypeStruct((batch, length, config.emb_dim), jnp.float32)
    kernel = jax.ShapeDtypeStruct((config.emb_dim, config.vocab_size), jnp.float32)
    targets = jax.ShapeDtypeStruct((batch, length), jnp.int32)
    weights = jax.ShapeDtypeStruct((batch, length), jnp.float32)

    def in_chunks(states, kernel, targets, weights):
        settings = {"vocabulary_first": False, "label_smoothing": 0.0, "z_loss": Z_LOSS}
        return projected_cross_entropy(states, kernel, targets, weights, **settings).loss

    def whole(states, kernel, targets, weights):
        return compute_weighted_cross_entropy(states @ kernel, targets, weights, z_loss=Z_LOSS)[0]

    def planned(loss) -> int:
        compiled = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(states, kernel, targets, weights).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    return LossMemory(planned(in_chunks), planned(whole), 4 * batch * length * config.vocab_size)
