"""The way from decoder states to logits or to a loss.

Enters: normed states `[B, L, E]`. Leaves: float32 logits, or weighted sums of their loss.
Source: T5 paper section 2.1; tied logits are divided by the square root of the width, as in T5X.
"""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from t5x.projected_loss import LossSums, projected_cross_entropy


class OutputProjection(nn.Module):
    """What decoders do with their states.

    A decoder has `config.logits_via_embedding`, and `token_embedder` if that is set, else `logits_dense`.
    """

    def logits(self, states: Float[Array, "*batch embed"]) -> Float[Array, "*batch vocab"]:
        """Returns float32 logits."""
        if self.config.logits_via_embedding:
            table = self.token_embedder.embedding  # [V, E]
            return jnp.dot(states.astype(jnp.float32), table.T) / jnp.sqrt(jnp.float32(states.shape[-1]))
        return self.logits_dense(states)

    def loss_sums(
        self,
        states: Float[Array, "batch length embed"],
        targets: Int[Array, "batch length"],
        weights: Float[Array, "batch length"],
        *,
        label_smoothing: float,
        z_loss: float,
    ) -> LossSums:
        """Returns the weighted loss of `logits(states)`, without ever holding all of the logits."""
        states = states.astype(jnp.float32)
        if self.config.logits_via_embedding:
            states = states / jnp.sqrt(jnp.float32(states.shape[-1]))
            kernel, tied = self.token_embedder.embedding, True
        else:
            kernel, tied = self.logits_dense.variables["params"]["kernel"], False
        return projected_cross_entropy(
            states, kernel, targets, weights, vocabulary_first=tied, label_smoothing=label_smoothing, z_loss=z_loss
        )
