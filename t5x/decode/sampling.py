"""Greedy decoding and sampling with temperature, top-k and top-p.

Source: T5X `decoding.temperature_sample`; nucleus sampling of Holtzman et al., arXiv:1904.09751.
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
    flat_batch_beam_expand,
    gather_beams,
    unflatten_beam_dim,
)
from t5x.errors import UserError

# Below it sampling is greedy: dividing by less would overflow. T5X's value.
MIN_TEMPERATURE = 1e-4


class _State(NamedTuple):
    cur_index: Int[Array, ""]
    sequences: Int[Array, "rows length"]
    cur_token: Int[Array, "rows 1"]
    ended: Bool[Array, " rows"]
    log_prob: Float[Array, " rows"]
    rng: jax.Array
    cache: Any


def topk_mask(logits: Float[Array, "rows vocab"], k: int, replacement: float = NEG_INF) -> Float[Array, "rows vocab"]:
    """Returns the logits with all but the `k` greatest replaced; ties with the k-th are kept."""
    threshold = jax.lax.top_k(logits, k)[0][..., -1:]
    return jnp.where(logits >= threshold, logits, replacement)


def topp_mask(logits: Float[Array, "rows vocab"], p: float, replacement: float = NEG_INF) -> Float[Array, "rows vocab"]:
    """Returns the logits with all replaced that the most probable ids of total probability `p` do not need."""
    descending = -jnp.sort(-logits, axis=-1)
    probabilities = jax.nn.softmax(descending, axis=-1)
    before = jnp.cumsum(probabilities, axis=-1) - probabilities  # mass of the ids ahead of each
    last = jnp.sum(before < p, axis=-1, keepdims=True) - 1
    threshold = jnp.take_along_axis(descending, jnp.maximum(last, 0), axis=-1)
    return jnp.where(logits >= threshold, logits, replacement)


def temperature_sample(
    inputs: Int[Array, "batch length"],
    cache: Any,
    tokens_to_logits: Callable[[DecodingState], tuple[jax.Array, Any]],
    eos_id: int,
    decode_rng: jax.Array | None = None,
    num_decodes: int = 1,
    temperature: float | Float[Array, " batch"] = 1.0,
    topk: int = 1,
    topp: float = 0.0,
    cache_offset: int = 0,
    initial_index: Int[Array, " batch"] | None = None,
    max_decode_steps: int | None = None,
    max_decode_steps_hard_limit: int | None = None,
    rescale_log_probs: bool = True,
    state_callback_fn: Callable[[DecodingState], DecodingState] | None = None,
    logit_callback_fn: Callable[[jax.Array, DecodingState], jax.Array] | None = None,
) -> tuple[Int[Array, "batch decodes length"], Float[Array, "batch decodes"]]:
    """Returns sampled sequences and their log-probabilities, sorted so that the most probable is last.

    Args:
      inputs: a start token (0) and, where not 0, tokens that the sequences must begin with.
      cache: of the model, for `B * num_decodes` rows.
      tokens_to_logits: one step of the model: state -> (logits `[B * num_decodes, V]`, cache).
      eos_id: ends a sequence.
      decode_rng: key; `PRNGKey(0)` if None.
      num_decodes: sequences per example.
      temperature: what logits are divided by, one for all or one per example; at most 1e-4 means greedy.
      topk: sample among the k most probable ids. 1, the default, is greedy; 0 is all.
      topp: sample among the most probable ids of this total probability; 0 is all. Not together with `topk`.
      cache_offset: axes in front of the batch axis of cached arrays; only 0 is supported.
      initial_index: position from which to go on after a prefilled cache; not supported.
      max_decode_steps: at most so many tokens.
      max_decode_steps_hard_limit: `max_decode_steps` is cut to it.
      rescale_log_probs: report the log-probability under the distribution sampled from, so 0 when greedy; else
        that of the model.
      state_callback_fn: may change the state before each step.
      logit_callback_fn: may change the logits of each step.

    Raises:
      UserError: `topk` together with `topp`, or what is not supported.
    """
    if topk and topp:
        raise UserError(f"temperature_sample got topk={topk} and topp={topp}; use one of them, and 0 for the other.")
    if cache_offset or initial_index is not None:
        raise UserError(
            "temperature_sample: cache_offset (scanned layers) and initial_index (prefilled cache) are not supported."
        )
    length = inputs.shape[1]
    limit = _step_limit(length, max_decode_steps, max_decode_steps_hard_limit)
    # One more position than the result has, for the start token.
    prompt = flat_batch_beam_expand(jnp.pad(inputs, ((0, 0), (0, 1))), num_decodes).astype(jnp.int32)
    rows = prompt.shape[0]
    temperatures = jnp.broadcast_to(jnp.asarray(temperature, jnp.float32), (inputs.shape[0],))
    temperatures = flat_batch_beam_expand(temperatures, num_decodes)[:, None]

    def step(state: _State) -> _State:
        view = DecodingState(state.cur_index, state.sequences, state.cur_token, state.cache)
        if state_callback_fn is not None:
            view = state_callback_fn(view)
        logits, cache = tokens_to_logits(view)
        logits = logits.astype(jnp.float32)
        if logit_callback_fn is not None:
            logits = logit_callback_fn(logits, view)
        rng, step_rng = jax.random.split(state.rng)
        sampled, log_prob = _draw(logits, step_rng, temperatures, topk, topp, rescale_log_probs)
        index = state.cur_index + 1
        forced = jax.lax.dynamic_index_in_dim(prompt, index, axis=1, keepdims=False)
        inside = forced != 0
        token = jnp.where(inside, forced, jnp.where(state.ended, 0, sampled))
        log_prob = jnp.where(inside | state.ended, 0.0, log_prob)
        # A prompt may hold end tokens; only one that was drawn ends the sequence.
        ended = state.ended | (~inside & (token == eos_id))
        sequences = jax.lax.dynamic_update_slice_in_dim(view.sequences, token[:, None], index, axis=1)
        return _State(index, sequences, token[:, None], ended, state.log_prob + log_prob, rng, cache)

    state = _State(
        cur_index=jnp.zeros((), jnp.int32),
        sequences=jnp.zeros((rows, length + 1), jnp.int32).at[:, 0].set(prompt[:, 0]),
        cur_token=prompt[:, :1],
        ended=jnp.zeros((rows,), bool),
        log_prob=jnp.zeros((rows,), jnp.float32),
        rng=jax.random.key(0) if decode_rng is None else decode_rng,
        cache=cache,
    )
    state = jax.lax.while_loop(lambda s: (s.cur_index < limit) & ~jnp.all(s.ended), step, state)
    sequences = unflatten_beam_dim(state.sequences[:, 1:], num_decodes)
    log_prob = unflatten_beam_dim(state.log_prob, num_decodes)
    order = jnp.argsort(log_prob, axis=-1)
    return gather_beams(sequences, order), jnp.take_along_axis(log_prob, order, axis=-1)


def _step_limit(length: int, steps: int | None, hard_limit: int | None) -> int:
    limits = [limit for limit in (steps, hard_limit) if limit is not None]
    return min([length, *limits])


def _draw(logits, rng, temperatures, topk, topp, rescale_log_probs):
    """Returns one id per row and its log-probability."""
    greedy = temperatures[:, 0] <= MIN_TEMPERATURE
    model_log_probs = jax.nn.log_softmax(logits, axis=-1)
    best = jnp.argmax(logits, axis=-1).astype(jnp.int32)

    def log_prob_of(table, ids):
        return jnp.take_along_axis(table, ids[:, None], axis=-1)[:, 0]

    if topk == 1:
        log_prob = jnp.zeros(best.shape) if rescale_log_probs else log_prob_of(model_log_probs, best)
        return best, log_prob
    scaled = logits / jnp.maximum(temperatures, MIN_TEMPERATURE)
    if topk:
        scaled = topk_mask(scaled, topk)
    if topp:
        scaled = topp_mask(scaled, topp)
    drawn = jax.random.categorical(rng, scaled).astype(jnp.int32)
    ids = jnp.where(greedy, best, drawn)
    if not rescale_log_probs:
        return ids, log_prob_of(model_log_probs, ids)
    return ids, jnp.where(greedy, 0.0, log_prob_of(jax.nn.log_softmax(scaled, axis=-1), ids))
