"""Beam search and sampling against T5X's results on a toy model whose next-token logits depend on the last token only.

T5X's random draws cannot be reproduced (they depend on how it consumes its key); what is compared instead is the
distribution drawn from, through the log-probabilities T5X reported for its own draws.
"""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x.decode.beam_search import beam_search
from t5x.decode.sampling import temperature_sample, topk_mask, topp_mask
from t5x.errors import UserError

TABLE = np.asarray(2 * jnp.sin(1.7 * jnp.arange(64.0)).reshape(8, 8))  # the golden file's setup
EOS = 1
PROMPTS = jnp.asarray([[0, 5, 3, 0, 0, 0], [0, 2, 0, 0, 0, 0]], jnp.int32)
BEAMS = ("beam1_a0.6", "beam4_a0.6", "beam4_a0.0", "beam2_a1.0", "beam2_prompt")
SAMPLES = tuple(
    f"sample_{json.dumps(options)}"
    for options in (
        {"temperature": 0.0},
        {"temperature": 1.0, "topk": 0},
        {"temperature": 0.5, "topk": 3},
        {"temperature": 1.0, "topk": 0, "topp": 0.7},
        {"temperature": 1.0, "topk": 1},
        {"temperature": 0.7, "topk": 4, "rescale_log_probs": False},
        {"temperature": 1.0, "topk": 0, "num_decodes": 3},
    )
)


def tokens_to_logits(state):
    return jnp.asarray(TABLE)[state.cur_token[:, 0]], state.cache


def beams_of(inputs, **options):
    return jax.jit(lambda inputs: beam_search(inputs, {}, tokens_to_logits, EOS, **options))(inputs)


def sample(inputs, seed=7, **options):
    def run(inputs, rng):
        return temperature_sample(inputs, {}, tokens_to_logits, EOS, rng, **options)

    return jax.jit(run)(inputs, jax.random.key(seed))


def options_of(name: str) -> dict:
    return json.loads(name.removeprefix("sample_"))


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.sum(np.exp(x)))


def log_probability(sequence, prompt, *, temperature=1.0, topk=0, topp=0.0, rescale_log_probs=True, num_decodes=1):
    """Returns the log-probability of a sampled sequence, written without the code under test."""
    del num_decodes
    total, previous = 0.0, 0
    for token, forced in zip(np.asarray(sequence), [*np.asarray(prompt)[1:], 0], strict=True):
        if not forced:
            logits = TABLE[previous].astype(np.float64)
            if rescale_log_probs and (temperature <= 1e-4 or topk == 1):
                logits = np.where(np.arange(8) == np.argmax(logits), 0.0, -np.inf)
            elif rescale_log_probs:
                logits = logits / temperature
                order = np.argsort(-logits)
                if topk:
                    logits[order[topk:]] = -np.inf
                if topp:
                    mass = np.cumsum(np.exp(log_softmax(logits))[order])
                    logits[order[np.searchsorted(mass, topp) + 1 :]] = -np.inf
            total += log_softmax(logits)[token]
            if token == EOS:
                break
        previous = token
    return total


def test_every_golden_decode_is_compared(golden):
    assert set(golden["decode"]) == {"setup", *BEAMS, *SAMPLES}


@pytest.mark.parametrize("name", BEAMS)
def test_beams_and_scores_are_t5x_ones(golden, name):
    expected = golden["decode"][name]
    beams = int(name[4])
    alpha = float(name.partition("_a")[2] or 0.6)
    inputs = jnp.asarray(expected.get("inputs", np.zeros((2, 6))), jnp.int32)
    sequences, scores = beams_of(inputs, num_decodes=beams, alpha=alpha)
    if "inputs" not in expected:  # both examples are the same; the file holds one
        np.testing.assert_array_equal(sequences[0], sequences[1])
        sequences, scores = sequences[0], scores[0]
    np.testing.assert_array_equal(sequences, expected["seqs"])
    np.testing.assert_allclose(scores, expected["scores"], rtol=5e-6)  # sin() of the table differs in the last places


@pytest.mark.parametrize("name", [name for name in SAMPLES if options_of(name).get("topk") == 1 or "0.0}" in name])
def test_greedy_decodes_are_t5x_ones(golden, name):
    sequences, log_prob = sample(PROMPTS, **options_of(name))
    np.testing.assert_array_equal(sequences, golden["decode"][name]["seqs"])
    np.testing.assert_allclose(log_prob, golden["decode"][name]["log_prob"], atol=1e-6)


@pytest.mark.parametrize("name", SAMPLES)
def test_log_probabilities_of_draws_follow_t5x_formula(golden, name):
    options = options_of(name)
    expected = golden["decode"][name]
    ours = sample(PROMPTS, **options)
    for sequences, log_prob in ((expected["seqs"], expected["log_prob"]), ours):
        log_prob = np.asarray(log_prob)
        by_hand = [[log_probability(s, PROMPTS[i], **options) for s in row] for i, row in enumerate(sequences)]
        np.testing.assert_allclose(log_prob, by_hand, rtol=1e-5, atol=1e-6)
        assert np.all(np.diff(log_prob, axis=-1) >= 0)  # most probable last


@pytest.mark.parametrize(
    "options",
    [
        {"topk": 0, "temperature": 0.5},
        {"topk": 0, "topp": 0.7},
    ],
    ids=str,
)
def test_draws_follow_the_distribution(options):
    rows = 4000
    sequences, log_prob = sample(jnp.zeros((rows, 1), jnp.int32), 3, **options)
    counts = np.bincount(np.asarray(sequences)[:, 0, 0], minlength=8) / rows
    expected = np.exp([log_probability([token], [0], **options) for token in range(8)])
    np.testing.assert_allclose(np.sum(expected), 1.0, rtol=1e-6)
    assert np.all(counts[expected == 0] == 0)
    # Four standard deviations of a count.
    assert np.all(np.abs(counts - expected) <= 4 * np.sqrt(expected * (1 - expected) / rows) + 1e-9)
    np.testing.assert_allclose(np.exp(log_prob[:, 0]), expected[np.asarray(sequences)[:, 0, 0]], rtol=1e-5)


def test_every_example_has_its_own_temperature():
    rows = jnp.zeros((2, 1), jnp.int32).repeat(500, axis=0)
    temperature = jnp.asarray([0.0, 1.0]).repeat(500)
    sequences, _ = sample(rows, temperature=temperature, topk=0)
    cold, warm = np.asarray(sequences)[:500, 0, 0], np.asarray(sequences)[500:, 0, 0]
    assert set(cold) == {int(np.argmax(TABLE[0]))}
    assert len(set(warm)) > 3


def test_topk_and_topp_masks_are_t5x_ones(golden):
    x = jnp.sin(jnp.arange(12, dtype=jnp.float32)).reshape(2, 6)
    np.testing.assert_allclose(topk_mask(x, 3), golden["masks"]["topk3"], rtol=1e-6)
    np.testing.assert_allclose(topp_mask(x, 0.7), golden["masks"]["topp07"], rtol=1e-6)


def test_ties_with_the_last_kept_logit_are_kept():
    np.testing.assert_array_equal(topk_mask(jnp.asarray([[1.0, 2.0, 2.0, 0.0]]), 1, 9.0), [[9.0, 2.0, 2.0, 9.0]])


def test_topk_and_topp_together_are_refused():
    with pytest.raises(UserError, match=r"topk=2 and topp=0\.5; use one of them"):
        sample(PROMPTS, topk=2, topp=0.5)


def test_sampling_stops_when_all_examples_have_ended():
    def always_eos(state):
        return jnp.full((state.cur_token.shape[0], 8), -10.0).at[:, EOS].set(10.0), state.cache + 1

    final = []

    def spy(state):
        jax.debug.callback(lambda count: final.append(int(count)), state.cache)
        return state

    temperature_sample(jnp.zeros((2, 6), jnp.int32), jnp.zeros((), jnp.int32), always_eos, EOS, state_callback_fn=spy)
    jax.effects_barrier()
    assert max(final) == 0  # one step, before which the count was 0


@pytest.mark.parametrize(("steps", "hard_limit", "made"), [(2, None, 2), (5, 3, 3), (None, 4, 4)])
def test_max_decode_steps_bound_what_is_made(steps, hard_limit, made):
    def never_eos(state):
        return jnp.zeros((state.cur_token.shape[0], 8)).at[:, 6].set(1.0), state.cache

    sequences, _ = temperature_sample(
        jnp.zeros((1, 6), jnp.int32),
        {},
        never_eos,
        EOS,
        max_decode_steps=steps,
        max_decode_steps_hard_limit=hard_limit,
    )
    np.testing.assert_array_equal(sequences[0, 0], [6] * made + [0] * (6 - made))
