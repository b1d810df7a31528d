"""Beam search.

Source: T5X `decoding.beam_search`; brevity penalty of Wu et al., arXiv:1609.08144.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from t5x.decode.state import (
    NEG_INF,
    DecodingState,
    cache_gather_beams,
    flatten_beam_dim,
    gather_beams,
    unflatten_beam_dim,
)
from t5x.errors import UserError


def brevity_penalty(alpha: float, length: int | Int[Array, ""]) -> Float[Array, ""]:
    """Returns `((5 + length) / 6) ** alpha`, by which a finished log-probability is divided."""
    return jnp.power((5.0 + length) / 6.0, alpha)


class _State(NamedTuple):
    cur_index: Int[Array, ""]
    live_scores: Float[Array, "batch beams"]  # log-probabilities, best first
    finished_scores: Float[Array, "batch beams"]  # penalised, best first
    live: Int[Array, "batch beams length"]
    finished: Int[Array, "batch beams length"]
    is_finished: Bool[Array, "batch beams"]
    cache: Any


def beam_search(
    inputs: Int[Array, "batch length"],
    cache: Any,
    tokens_to_logits: Callable[[DecodingState], tuple[jax.Array, Any]],
    eos_id: int,
    num_decodes: int = 4,
    alpha: float = 0.6,
    max_decode_len: int | None = None,
    max_decode_step: int = -1,
    min_log_prob: float = NEG_INF,
    decode_rng: jax.Array | None = None,
    cache_offset: int = 0,
    initial_index: Int[Array, " batch"] | None = None,
) -> tuple[Int[Array, "batch beams length"], Float[Array, "batch beams"]]:
    """Returns the best sequences and their scores, both sorted so that the best is last.

    Args:
      inputs: a start token (0) and, where not 0, tokens that the sequences must begin with.
      cache: of the model, for `B * num_decodes` rows.
      tokens_to_logits: one step of the model: state -> (logits `[B * num_decodes, V]`, cache).
      eos_id: ends a sequence.
      num_decodes: beams.
      alpha: strength of the brevity penalty; 0 compares plain log-probabilities.
      max_decode_len: length of the result; that of `inputs` if None.
      max_decode_step: at most so many steps; -1 for no further limit.
      min_log_prob: beams whose log-probability is below are not continued once all of an example's are.
      decode_rng: unused; here so that decode functions are called alike.
      cache_offset: axes in front of the batch axis of cached arrays; only 0 is supported.
      initial_index: position from which to go on after a prefilled cache; not supported.

    An example that finished no sequence gives its live ones, with plain log-probabilities.
    """
    del decode_rng
    if cache_offset or initial_index is not None:
        raise UserError(
            "beam_search: cache_offset (scanned layers) and initial_index (prefilled cache) are not supported."
        )
    batch, length = inputs.shape[0], max_decode_len or inputs.shape[1]
    # One more position for the start token, which is dropped in the end.
    prompt = jnp.pad(inputs, ((0, 0), (0, max(0, length + 1 - inputs.shape[1]))))[:, : length + 1]
    limit = length if max_decode_step < 0 else min(length, max_decode_step)
    empty = jnp.zeros((batch, num_decodes, length + 1), jnp.int32)
    # Beams of an example start equal; only the first may be continued, or all would stay equal.
    first_only = jnp.where(jnp.arange(num_decodes) == 0, 0.0, NEG_INF)
    state = _State(
        cur_index=jnp.zeros((), jnp.int32),
        live_scores=jnp.broadcast_to(first_only, (batch, num_decodes)).astype(jnp.float32),
        finished_scores=jnp.full((batch, num_decodes), NEG_INF, jnp.float32),
        live=empty.at[:, :, 0].set(prompt[:, :1]),
        finished=empty,
        is_finished=jnp.zeros((batch, num_decodes), bool),
        cache=cache,
    )

    def goes_on(state: _State) -> Bool[Array, ""]:
        best_live = state.live_scores[:, 0] / brevity_penalty(alpha, length)
        worst_finished = jnp.min(jnp.where(state.is_finished, state.finished_scores, NEG_INF), axis=1)
        could_improve = ~jnp.all(worst_finished > best_live)
        alive = jnp.any(state.live_scores[:, 0] >= min_log_prob)
        return (state.cur_index < limit) & could_improve & alive

    def step(state: _State) -> _State:
        logits, cache = tokens_to_logits(
            DecodingState(
                state.cur_index,
                flatten_beam_dim(state.live),
                flatten_beam_dim(jax.lax.dynamic_slice_in_dim(state.live, state.cur_index, 1, axis=2)),
                state.cache,
            )
        )
        scores = jax.nn.log_softmax(unflatten_beam_dim(logits, num_decodes).astype(jnp.float32), axis=-1)
        forced = jax.lax.dynamic_index_in_dim(prompt, state.cur_index + 1, axis=1, keepdims=False)  # [B]
        return _advance(state, scores, forced, cache, eos_id, alpha)

    state = jax.lax.while_loop(goes_on, step, state)
    any_finished = jnp.any(state.is_finished, axis=1)
    sequences = jnp.where(any_finished[:, None, None], state.finished, state.live)
    scores = jnp.where(any_finished[:, None], state.finished_scores, state.live_scores)
    return sequences[:, ::-1, 1:], scores[:, ::-1]


def _advance(state: _State, scores, forced, cache, eos_id, alpha) -> _State:
    """Returns the state one token later, given log-probabilities `[B, N, V]` of that token."""
    batch, beams, vocab = scores.shape
    # Twice as many candidates as beams: even if half of them end, there are enough to go on with.
    totals = (state.live_scores[:, :, None] + scores).reshape(batch, beams * vocab)
    candidate_scores, flat = jax.lax.top_k(totals, 2 * beams)
    candidate_beams, candidate_tokens = flat // vocab, (flat % vocab).astype(jnp.int32)
    # Inside the prompt beams and scores stay as they are, and the token is given.
    inside = (forced != 0)[:, None]
    stay = jnp.arange(2 * beams) % beams
    stay_scores = jnp.where(jnp.arange(2 * beams) < beams, state.live_scores[:, stay], NEG_INF)
    candidate_beams = jnp.where(inside, stay, candidate_beams)
    candidate_tokens = jnp.where(inside, forced[:, None], candidate_tokens)
    candidate_scores = jnp.where(inside, stay_scores, candidate_scores)

    candidates = gather_beams(state.live, candidate_beams)
    candidates = jax.lax.dynamic_update_slice_in_dim(
        candidates, candidate_tokens[:, :, None], state.cur_index + 1, axis=2
    )
    ends = (candidate_tokens == eos_id) & ~inside

    live_scores, chosen = jax.lax.top_k(candidate_scores + ends * NEG_INF, beams)
    live = gather_beams(candidates, chosen)
    live_beams = jnp.take_along_axis(candidate_beams, chosen, axis=1)
    if beams > 1:
        cache = cache_gather_beams(cache, live_beams, beams)

    penalised = candidate_scores / brevity_penalty(alpha, state.cur_index + 1)
    all_scores = jnp.concatenate([state.finished_scores, jnp.where(ends, penalised, NEG_INF)], axis=1)
    finished_scores, kept = jax.lax.top_k(all_scores, beams)
    finished, is_finished = gather_beams(
        (jnp.concatenate([state.finished, candidates], axis=1), jnp.concatenate([state.is_finished, ends], axis=1)),
        kept,
    )
    return _State(state.cur_index + 1, live_scores, finished_scores, live, finished, is_finished, cache)
