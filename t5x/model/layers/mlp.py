"""The feed-forward block: one projection per activation, their product, and a projection back.

Source: T5 paper section 2.1 for `('relu',)`, T5 1.1 (arXiv:2002.05202) for `('gelu', 'linear')`; 'gelu' is the tanh
approximation, as in T5X.
"""

from __future__ import annotations

import functools
import operator

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from t5x.errors import UserError, nearest
from t5x.model.layers.dense import Dense
from t5x.model.layers.dropout import feature_dropout
from t5x.shard.constraint import constrain

# variance_scaling over the fan-in, truncated: T5X's default for MLP and output kernels.
KERNEL_INIT = jax.nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")


def activation(name: str, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Returns the named activation of `x`: 'linear' or any of flax's (`relu`, `gelu`, `silu`, ...)."""
    if name == "linear":
        return x
    if not hasattr(nn, name):
        known = ["linear", "relu", "gelu", "silu", "swish", "tanh", "sigmoid"]
        raise UserError(f"mlp_activations names {name!r}, which flax.linen does not have.{nearest(name, known)}")
    return getattr(nn, name)(x)


class MlpBlock(nn.Module):
    """`wo(dropout(act_0(wi_0 x) * act_1(wi_1 x) * ...))`; with one activation the kernel is called `wi`."""

    intermediate_dim: int
    activations: tuple[str, ...] = ("relu",)
    dropout_rate: float = 0.1
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch length embed"], *, deterministic: bool
    ) -> Float[Array, "batch length embed"]:
        factors = []
        for i, name in enumerate(self.activations):
            dense_name = "wi" if len(self.activations) == 1 else f"wi_{i}"
            h = Dense(self.intermediate_dim, ("embed", "mlp"), KERNEL_INIT, self.dtype, name=dense_name)(x)
            factors.append(activation(name, h))
        h = functools.reduce(operator.mul, factors)  # [B, L, F]
        h = feature_dropout(self.dropout_rate)(h, deterministic=deterministic)
        h = constrain(h, ("batch", "length", "mlp"))
        return Dense(x.shape[-1], ("mlp", "embed"), KERNEL_INIT, self.dtype, name="wo")(h)
