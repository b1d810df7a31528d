"""Token embedding: a lookup, without the square-root-of-width scaling of the original Transformer.

Source: T5X `layers.Embed`, which multiplies by a one-hot matrix; the gather here gives the same numbers without the
2 * tokens * V * E operations.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Embedding(nn.Module):
    """A float32 table `[V, E]`, looked up in `dtype`. An id outside the table gives NaN, which training reports."""

    num_embeddings: int
    features: int
    dtype: jnp.dtype = jnp.float32

    def setup(self) -> None:
        self.embedding = self.param(
            "embedding",
            nn.with_logical_partitioning(jax.nn.initializers.normal(1.0), ("vocab", "embed")),
            (self.num_embeddings, self.features),
            jnp.float32,
        )

    def __call__(self, ids: Int[Array, "*batch"]) -> Float[Array, "*batch embed"]:
        return jnp.take(self.embedding, ids, axis=0, mode="fill").astype(self.dtype)
