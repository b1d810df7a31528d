"""Decoding token by token with a cache is decoding with the whole network, without doing the whole work each time."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import TARGETS, config, device, equations, init_params, make_batch, make_model

from t5x.decode.beam_search import beam_search
from t5x.decode.sampling import temperature_sample
from t5x.errors import UserError

CONFIG = config(num_decoder_layers=2)
ROWS = 3


@functools.cache
def greedy():
    model = make_model(CONFIG, decode_fn=temperature_sample)
    return model, init_params(model)


def batch():
    return device(make_batch(ROWS))


def decode(model, params, batch, **options):
    run = jax.jit(lambda params, batch, rng: model.predict_batch_with_aux(params, batch, rng, **options))
    return run(params, batch, jax.random.key(0))


def next_tokens(model, params, batch, sequences):
    """Returns the most probable next id after every prefix of the sequences, from full forward passes."""
    shifted = jnp.pad(sequences, ((0, 0), (1, 0)))[:, :-1]
    # While decoding every position is real, also one whose id is 0.
    whole = {**batch, "decoder_input_tokens": shifted, "decoder_target_tokens": jnp.ones_like(sequences)}
    return np.asarray(jnp.argmax(jax.jit(model._compute_logits)(params, whole), axis=-1))


def until_end(sequences) -> np.ndarray:
    """Returns which positions come before or at the first end token (id 1)."""
    ended = np.cumsum(np.asarray(sequences) == 1, axis=-1)
    return (ended == 0) | ((ended == 1) & (np.asarray(sequences) == 1))


def test_greedy_decoding_takes_the_most_probable_token_of_the_full_network():
    model, params = greedy()
    sequences, _ = decode(model, params, batch())
    expected = next_tokens(model, params, batch(), sequences)
    real = until_end(sequences)
    assert np.any(np.all(real, axis=1))  # one goes on to the last position
    assert np.any(~real)  # and one ends before
    np.testing.assert_array_equal(np.asarray(sequences)[real], expected[real])
    assert not np.any(np.asarray(sequences)[~real])


def test_a_prompt_is_kept_and_continued():
    model, params = greedy()
    prompted = batch()
    prompt = jnp.zeros((ROWS, TARGETS), jnp.int32).at[:, 1:4].set(jnp.asarray([[5, 6, 7], [8, 9, 0], [7, 1, 5]]))
    sequences, _ = decode(model, params, {**prompted, "decoder_input_tokens": prompt}, prompt_with_targets=True)
    sequences = np.asarray(sequences)
    np.testing.assert_array_equal(sequences[0, :3], [5, 6, 7])
    np.testing.assert_array_equal(sequences[1, :2], [8, 9])
    np.testing.assert_array_equal(sequences[2, :3], [7, 1, 5])  # an end token in the prompt does not end it
    expected = next_tokens(model, params, prompted, sequences)
    for row, given in ((0, 3), (1, 2)):
        real = until_end(sequences)[row]
        real[:given] = False
        assert real[given]
        np.testing.assert_array_equal(sequences[row][real], expected[row][real])


def test_num_decodes_are_all_returned_on_request_and_the_last_is_the_best():
    model, params = greedy()
    options = {"num_decodes": 3, "decoder_params": {"topk": 0}}
    every, aux = decode(model, params, batch(), return_all_decodes=True, **options)
    assert every.shape == (ROWS, 3, TARGETS)
    assert aux["scores"].shape == (ROWS, 3)
    assert np.all(np.diff(aux["scores"], axis=-1) >= 0)
    assert len({tuple(row) for row in np.asarray(every[0])}) == 3
    best, best_aux = decode(model, params, batch(), **options)
    np.testing.assert_array_equal(best, every[:, -1])
    np.testing.assert_allclose(best_aux["scores"], aux["scores"][:, -1], rtol=1e-6)


def test_scores_of_beams_are_penalised_log_probabilities_of_the_full_network():
    model = make_model(CONFIG)  # beam search, as T5X's default
    params = init_params(model)
    # Make the end token likely, so that beams finish.
    kernel = params["decoder"]["logits_dense"]["kernel"]
    likely = {**params["decoder"], "logits_dense": {"kernel": kernel.at[:, 1].set(1.5 * kernel[:, 5])}}
    params = {**params, "decoder": likely}
    every, aux = decode(model, params, batch(), num_decodes=2, return_all_decodes=True)
    finished = np.any(np.asarray(every) == 1, axis=-1)
    assert np.any(finished)
    for beam in range(2):
        sequences = every[:, beam]
        shifted = jnp.pad(sequences, ((0, 0), (1, 0)))[:, :-1]
        whole = {**batch(), "decoder_input_tokens": shifted, "decoder_target_tokens": jnp.ones_like(sequences)}
        log_probs = jax.nn.log_softmax(jax.jit(model._compute_logits)(params, whole), axis=-1)
        picked = np.take_along_axis(np.asarray(log_probs), np.asarray(sequences)[..., None], axis=-1)[..., 0]
        real = until_end(sequences)
        total, length = np.sum(picked * real, axis=-1), np.sum(real, axis=-1)
        expected = total / ((5 + length) / 6) ** 0.6
        done = finished[:, beam]
        np.testing.assert_allclose(np.asarray(aux["scores"])[done, beam], expected[done], rtol=1e-4)


@pytest.mark.parametrize("search", [beam_search, temperature_sample])
def test_decoding_ends_when_nothing_can_become_better(search):
    steps = []

    def only_eos(state):
        jax.debug.callback(lambda index: steps.append(int(index)), state.cur_index)
        return jnp.full((state.cur_token.shape[0], 8), -20.0).at[:, 1].set(20.0), state.cache

    sequences, _ = search(jnp.zeros((2, 50), jnp.int32), {}, only_eos, 1, num_decodes=1)
    jax.effects_barrier()
    np.testing.assert_array_equal(sequences[:, 0, 0], [1, 1])
    assert max(steps) <= 1  # of 50


def test_the_cache_is_written_at_an_index_and_never_passed_over():
    model, params = greedy()
    length = 37  # unlike every other size
    wide = {**batch(), "decoder_input_tokens": jnp.zeros((ROWS, length), jnp.int32)}
    cache_shape = (ROWS, CONFIG.num_heads, length, CONFIG.head_dim)
    jaxpr = jax.make_jaxpr(lambda p, b: model.predict_batch_with_aux(p, b))(params, wide)
    loops = [e for e in equations(jaxpr.jaxpr) if e.primitive.name == "while"]
    assert len(loops) == 1
    makes_cache = {
        e.primitive.name
        for e in equations(loops[0].params["body_jaxpr"].jaxpr)
        if any(getattr(v.aval, "shape", None) == cache_shape for v in e.outvars)
    }
    assert "dynamic_update_slice" in makes_cache
    assert makes_cache <= {"dynamic_update_slice", "jit", "pjit", "closed_call", "custom_jvp_call"}, makes_cache


def test_encoding_happens_once_before_the_loop():
    model, params = greedy()
    jaxpr = jax.make_jaxpr(lambda p, b: model.predict_batch_with_aux(p, b))(params, batch())
    (loop,) = [e for e in equations(jaxpr.jaxpr) if e.primitive.name == "while"]
    mlp = (CONFIG.emb_dim, CONFIG.mlp_dim)

    def products(jaxpr):
        return sum(e.primitive.name == "dot_general" and e.invars[1].aval.shape == mlp for e in equations(jaxpr))

    inside = products(loop.params["body_jaxpr"].jaxpr)
    assert inside == 2 * CONFIG.num_decoder_layers
    assert products(jaxpr.jaxpr) - inside == 2 * CONFIG.num_encoder_layers


def test_a_packed_batch_is_refused():
    model, params = greedy()
    with pytest.raises(UserError, match="packed batch; set pack=False"):
        model.predict_batch_with_aux(params, {**batch(), "encoder_segment_ids": jnp.ones((ROWS, 10), jnp.int32)})
