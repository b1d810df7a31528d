"""Multi-head attention without biases and without 1/sqrt(D) scaling, with an incremental cache for decoding.

The scaling is folded into the initialiser of the query kernel. Source: T5 paper section 2.1 and T5X
`layers.MultiHeadDotProductAttention` (kernels stored flattened, mask as a large negative number, softmax in the
dtype of the logits, dropout of attention probabilities broadcast over queries).
"""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from t5x.model.layers.dense import Dense
from t5x.shard.constraint import constrain

# What a hidden position gets instead of its logit; T5X's constant, representable in bfloat16 and float32.
MASKED = -1e10
KERNEL_INIT = jax.nn.initializers.variance_scaling(1.0, "fan_in", "normal")


class MultiHeadAttention(nn.Module):
    """Attention from `[B, Q, E]` to `[B, K, E]`.

    With a `cache` collection (decoding), `x_kv` holds the new positions only: their keys and values are written into
    the cache `[B, H, K, D]` at `cache_index`, and the queries see the whole cache through `mask`.
    """

    num_heads: int
    head_dim: int
    dropout_rate: float = 0.0
    dtype: jnp.dtype = jnp.float32
    float32_logits: bool = False

    def setup(self) -> None:
        def query_init(*args):
            # As in T5X the divisor is rounded to the compute dtype before it divides.
            return KERNEL_INIT(*args) / jnp.sqrt(self.head_dim).astype(self.dtype)

        features = self.num_heads * self.head_dim
        self.query = Dense(features, ("embed", "joined_kv"), query_init, self.dtype)
        self.key = Dense(features, ("embed", "joined_kv"), KERNEL_INIT, self.dtype)
        self.value = Dense(features, ("embed", "joined_kv"), KERNEL_INIT, self.dtype)
        self.probability_dropout = nn.Dropout(self.dropout_rate, broadcast_dims=(-2,))  # one mask for all queries

    @nn.compact
    def __call__(
        self,
        x_q: Float[Array, "batch query embed"],
        x_kv: Float[Array, "batch new embed"],
        mask: Bool[Array, "#batch 1 query key"] | None = None,
        bias: Float[Array, "#batch heads query key"] | None = None,
        *,
        cache_index: Int[Array, "*batch"] | None = None,
        max_decode_length: int | None = None,
        deterministic: bool,
    ) -> Float[Array, "batch query embed"]:
        """Returns what each query gathered.

        `cache_index`, one for all examples or one for each, and `max_decode_length` are given while decoding only.
        """
        q, k, v = (
            self._heads(projection(x)) for projection, x in ((self.query, x_q), (self.key, x_kv), (self.value, x_kv))
        )
        if max_decode_length is not None:
            k, v = self._extend_cache(k, v, cache_index, max_decode_length)
        if self.float32_logits:
            q, k = q.astype(jnp.float32), k.astype(jnp.float32)
        logits = jnp.einsum("bhqd,bhkd->bhqk", q, k)
        if mask is not None:
            logits += jnp.where(mask, 0.0, MASKED).astype(logits.dtype)
        if bias is not None:
            logits += _for_every_example(bias.astype(logits.dtype), logits.shape[0])
        probabilities = jax.nn.softmax(logits, axis=-1).astype(self.dtype)
        probabilities = self.probability_dropout(probabilities, deterministic=deterministic)
        gathered = jnp.einsum("bhqk,bhkd->bqhd", probabilities, v)
        gathered = gathered.reshape(*gathered.shape[:2], self.num_heads * self.head_dim)  # [B, Q, H*D]
        return Dense(x_q.shape[-1], ("joined_kv", "embed"), KERNEL_INIT, self.dtype, name="out")(gathered)

    def _heads(self, x: Float[Array, "batch length joined"]) -> Float[Array, "batch heads length depth"]:
        split = x.reshape(*x.shape[:2], self.num_heads, self.head_dim)
        return constrain(split, ("batch", "length", "heads", "kv")).transpose(0, 2, 1, 3)

    def _extend_cache(self, k, v, index, max_decode_length):
        """Writes the new positions at `index` (an index update: no pass over the cache) and returns all of it."""
        batch, heads, _, depth = k.shape
        shape = (batch, heads, max_decode_length, depth)
        cached_key = self.variable("cache", "cached_key", jnp.zeros, shape, k.dtype)
        cached_value = self.variable("cache", "cached_value", jnp.zeros, shape, v.dtype)
        write = jax.lax.dynamic_update_slice_in_dim
        # An index for all, or one for each example, which has a cache [H, K, D].
        write = jax.vmap(functools.partial(write, axis=1)) if index.ndim else functools.partial(write, axis=2)
        cached_key.value = write(cached_key.value, k, index)
        cached_value.value = write(cached_value.value, v, index)
        return cached_key.value, cached_value.value


def _for_every_example(
    bias: Float[Array, "#batch heads query key"], batch: int
) -> Float[Array, "batch heads query key"]:
    """Repeats a bias that all examples share, as a product with ones.

    The compiler makes a broadcast of it. The gradient stays a product: XLA on CPU takes twenty times as long over the
    sum along the leading axis that a plain broadcast would have.
    """
    if bias.shape[0] != 1:
        return bias
    ones = jnp.ones((batch,), bias.dtype)
    return jnp.einsum("b,hqk->bhqk", ones, bias[0], precision=jax.lax.Precision.HIGHEST)
