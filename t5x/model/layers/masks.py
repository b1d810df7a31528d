"""Which position may attend to which.

Enters: token ids `[B, L]` (0 is padding) and, for packed batches, segment ids. Leaves: boolean masks `[B, 1, Q, K]`,
True where a query sees a key. Source: T5X `layers.make_attention_mask`, `make_decoder_mask`.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Num


def visible_tokens(
    queries: Num[Array, "batch query"], keys: Num[Array, "batch key"]
) -> Bool[Array, "batch 1 query key"]:
    """Real queries see real keys; an id above 0 is real."""
    return ((queries > 0)[:, :, None] & (keys > 0)[:, None, :])[:, None]


def same_segment(queries: Int[Array, "batch query"], keys: Int[Array, "batch key"]) -> Bool[Array, "batch 1 query key"]:
    """Positions packed from the same example see each other."""
    return (queries[:, :, None] == keys[:, None, :])[:, None]


def causal(length: int) -> Bool[Array, "1 1 query key"]:
    """A position sees itself and what comes before."""
    positions = jnp.arange(length)
    return (positions[:, None] >= positions[None, :])[None, None]


def encoder_mask(
    tokens: Int[Array, "batch length"], segment_ids: Int[Array, "batch length"] | None = None
) -> Bool[Array, "batch 1 query key"]:
    """The encoder's mask: real tokens of the same segment."""
    mask = visible_tokens(tokens, tokens)
    return mask if segment_ids is None else mask & same_segment(segment_ids, segment_ids)


def decoder_mask(
    target_tokens: Int[Array, "batch length"],
    segment_ids: Int[Array, "batch length"] | None = None,
    prefix: Int[Array, "batch length"] | None = None,
) -> Bool[Array, "batch 1 query key"]:
    """The decoder's self-attention mask: causal, over real *targets* (not inputs), within a segment.

    Positions where `prefix` (SeqIO's `decoder_causal_attention`) is 1 see each other in both directions.
    """
    mask = causal(target_tokens.shape[-1])
    if prefix is not None:
        mask = mask | visible_tokens(prefix, prefix)
    mask = mask & visible_tokens(target_tokens, target_tokens)
    return mask if segment_ids is None else mask & same_segment(segment_ids, segment_ids)


def cross_mask(
    target_tokens: Int[Array, "batch query"],
    encoder_tokens: Int[Array, "batch key"],
    target_segment_ids: Int[Array, "batch query"] | None = None,
    encoder_segment_ids: Int[Array, "batch key"] | None = None,
) -> Bool[Array, "batch 1 query key"]:
    """From decoder to encoder: real targets see real inputs of their segment."""
    mask = visible_tokens(target_tokens, encoder_tokens)
    if target_segment_ids is None or encoder_segment_ids is None:
        return mask
    return mask & same_segment(target_segment_ids, encoder_segment_ids)
