"""Relative position bias: one learned number per head and bucket of distance.

Source: T5 paper section 2.1; 32 buckets up to distance 128, both hard coded in T5X's network. The encoder's buckets
are two-sided, the decoder's causal. One table serves all layers of a tower.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

NUM_BUCKETS = 32
MAX_DISTANCE = 128
_EPSILON = np.finfo(np.float32).eps  # keeps log(0) out; T5X adds the same


def relative_position_bucket(
    relative_position: Int[Array, "*shape"],
    bidirectional: bool = True,
    num_buckets: int = NUM_BUCKETS,
    max_distance: int = MAX_DISTANCE,
) -> Int[Array, "*shape"]:
    """Returns the bucket of each `key position - query position`.

    Near distances have a bucket each; farther ones share buckets that widen logarithmically up to `max_distance`,
    beyond which all share the last. With `bidirectional` the upper half of the buckets is for keys after the query;
    without, keys after the query fall into bucket 0 (a causal mask hides them).
    """
    distance = -relative_position
    bucket = jnp.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        bucket += (distance < 0).astype(jnp.int32) * num_buckets
        distance = jnp.abs(distance)
    else:
        distance = jnp.maximum(distance, 0)
    max_exact = num_buckets // 2
    octaves = jnp.log(distance.astype(jnp.float32) / max_exact + _EPSILON) / np.log(max_distance / max_exact)
    far = max_exact + (octaves * (num_buckets - max_exact)).astype(jnp.int32)
    return bucket + jnp.where(distance < max_exact, distance, jnp.minimum(far, num_buckets - 1))


class RelativePositionBias(nn.Module):
    """A bias for attention logits from a `[H, 32]` table."""

    num_heads: int
    bidirectional: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self, query_positions: Int[Array, " query"], key_positions: Int[Array, " key"]
    ) -> Float[Array, "1 heads query key"]:
        """Returns the bias of every query to every key, both given by position."""
        table = self.param(
            "rel_embedding",
            nn.with_logical_partitioning(
                jax.nn.initializers.variance_scaling(1.0, "fan_avg", "uniform"), ("heads", "relpos_buckets")
            ),
            (self.num_heads, NUM_BUCKETS),
            jnp.float32,
        )
        bucket = relative_position_bucket(key_positions[None, :] - query_positions[:, None], self.bidirectional)
        # A product with a 32-wide one-hot: its gradient is a product too, where a gather's would be a scatter with
        # every (query, key) pair colliding on 32 places.
        one_hot = jax.nn.one_hot(bucket, NUM_BUCKETS, dtype=self.dtype)  # [Q, K, 32]
        return jnp.einsum("hr,qkr->hqk", table.astype(self.dtype), one_hot)[None]
