"""What a decode loop shows the model, and how arrays carry several sequences per example.

Source: T5X `decoding.DecodingState` and its beam helpers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Shaped

# A log-probability nothing can have, small enough to add to.
NEG_INF = -1.0e7


class DecodingState(NamedTuple):
    """One step of decoding, batch and sequences per example flattened together (R rows)."""

    cur_index: Int[Array, ""]  # position of cur_token
    sequences: Int[Array, "rows length"]  # what was decoded so far
    cur_token: Int[Array, "rows 1"]
    cache: Any


def flat_batch_beam_expand(x: Shaped[Array, "batch ..."], beams: int) -> Shaped[Array, "rows ..."]:
    """Repeats every example `beams` times: [B, ...] -> [B * beams, ...]."""
    return x if beams == 1 else jnp.repeat(x, beams, axis=0)


def flatten_beam_dim(x: Shaped[Array, "batch beams ..."]) -> Shaped[Array, "rows ..."]:
    """[B, N, ...] -> [B * N, ...]."""
    return x.reshape(-1, *x.shape[2:])


def unflatten_beam_dim(x: Shaped[Array, "rows ..."], beams: int) -> Shaped[Array, "batch beams ..."]:
    """[B * N, ...] -> [B, N, ...]."""
    return x.reshape(-1, beams, *x.shape[1:])


def gather_beams(tree: Any, beams: Int[Array, "batch new"]) -> Any:
    """Returns, of `[B, N, ...]` leaves, the beams with these numbers: `[B, new, ...]`."""

    def gather(x):
        indices = beams.reshape(*beams.shape, *(1,) * (x.ndim - 2))
        return jnp.take_along_axis(x, indices, axis=1)

    return jax.tree.map(gather, tree)


def cache_gather_beams(cache: Any, beams: Int[Array, "batch new"], num_beams: int) -> Any:
    """Returns the cache of the rows that these beams continue. Scalars, such as `cache_index`, are shared by all."""

    def gather(x):
        return x if x.ndim == 0 else flatten_beam_dim(gather_beams(unflatten_beam_dim(x, num_beams), beams))

    return jax.tree.map(gather, cache)
