"""T5's layer norm: root-mean-square scaling without mean subtraction and without bias.

Source: T5 paper (arXiv:1910.10683) section 2.1; epsilon 1e-6 and the casts as in T5X.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

EPSILON = 1e-6  # as in T5X and Mesh TensorFlow


class LayerNorm(nn.Module):
    """Scales each vector to unit mean square, in float32, then by a learned scale in `dtype`."""

    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "*batch embed"]) -> Float[Array, "*batch embed"]:
        x32 = x.astype(jnp.float32)
        mean_square = jnp.mean(jax.lax.square(x32), axis=-1, keepdims=True)
        normed = (x32 * jax.lax.rsqrt(mean_square + EPSILON)).astype(self.dtype)
        scale = self.param("scale", nn.with_logical_partitioning(nn.initializers.ones, ("embed",)), (x.shape[-1],))
        return normed * scale.astype(self.dtype)
