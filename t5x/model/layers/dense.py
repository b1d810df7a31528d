"""A bias-free linear map whose kernel is stored as one matrix.

Source: T5X stores attention kernels flattened to two axes, `[E, H*D]`, and computes their fan-in from that shape.
"""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Dense(nn.Module):
    """`x @ kernel` over the last axis; the float32 kernel is cast to `dtype` first."""

    features: int
    kernel_axes: tuple[str, str]
    kernel_init: Callable[..., jax.Array]
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch features"]:
        kernel = self.param(
            "kernel",
            nn.with_logical_partitioning(self.kernel_init, self.kernel_axes),
            (x.shape[-1], self.features),
            jnp.float32,
        )
        # All leading axes as one: XLA on CPU takes twice as long over a kernel's gradient that sums over two axes.
        rows = x.astype(self.dtype).reshape(-1, x.shape[-1])
        return jnp.dot(rows, kernel.astype(self.dtype)).reshape(*x.shape[:-1], self.features)
