"""The chunked loss is the loss: same value and gradients as through all logits, and less memory and work."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import config, device, equations, greatest_difference, init_params, make_batch, make_model

from t5x.losses import compute_weighted_cross_entropy
from t5x.projected_loss import projected_cross_entropy

BATCH, LENGTH, EMBED, VOCAB = 3, 8, 16, 40
ONE_POSITION = 4 * BATCH * VOCAB  # bytes of logits


def arrays(vocabulary_first: bool):
    rng = np.random.default_rng(0)
    states = jnp.asarray(rng.normal(size=(BATCH, LENGTH, EMBED)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(VOCAB, EMBED) if vocabulary_first else (EMBED, VOCAB)), jnp.float32)
    targets = jnp.asarray(rng.integers(0, VOCAB, (BATCH, LENGTH)), jnp.int32)
    weights = jnp.asarray(rng.uniform(size=(BATCH, LENGTH)) * rng.integers(0, 2, (BATCH, LENGTH)), jnp.float32)
    return states, kernel, targets, weights


@pytest.mark.parametrize("vocabulary_first", [False, True])
@pytest.mark.parametrize(("label_smoothing", "z_loss"), [(0.0, 0.0), (0.1, 1e-2)])
@pytest.mark.parametrize("positions", [LENGTH, 3, 1])
def test_value_and_gradients_are_those_of_the_whole_logits(vocabulary_first, label_smoothing, z_loss, positions):
    states, kernel, targets, weights = arrays(vocabulary_first)

    def chunked(states, kernel):
        sums = projected_cross_entropy(
            states,
            kernel,
            targets,
            weights,
            vocabulary_first=vocabulary_first,
            label_smoothing=label_smoothing,
            z_loss=z_loss,
            logits_bytes=positions * ONE_POSITION,
        )
        return 0.7 * sums.loss, sums  # a cotangent other than 1

    def whole(states, kernel):
        logits = states @ (kernel.T if vocabulary_first else kernel)
        loss, z_term, _ = compute_weighted_cross_entropy(logits, targets, weights, label_smoothing, z_loss)
        correct = jnp.sum((jnp.argmax(logits, axis=-1) == targets) * weights)
        return 0.7 * loss, (loss, z_term, correct)

    (_, sums), gradients = jax.jit(jax.value_and_grad(chunked, (0, 1), has_aux=True))(states, kernel)
    (_, expected), expected_gradients = jax.jit(jax.value_and_grad(whole, (0, 1), has_aux=True))(states, kernel)
    np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-6)
    assert greatest_difference(gradients, expected_gradients) < 1e-5
    value_only = jax.jit(lambda s, k: chunked(s, k)[1])(states, kernel)
    np.testing.assert_allclose(value_only, sums, rtol=1e-6)


def test_a_position_without_weight_counts_for_nothing():
    states, kernel, targets, weights = arrays(False)
    options = dict(vocabulary_first=False, label_smoothing=0.1, z_loss=1e-2)
    hidden = np.asarray(weights) == 0
    assert np.any(hidden)
    other = jnp.where(jnp.asarray(hidden)[..., None], 7.0, states)
    np.testing.assert_allclose(
        projected_cross_entropy(other, kernel, targets, weights, **options),
        projected_cross_entropy(states, kernel, targets, weights, **options),
        rtol=1e-6,
    )


def _dots(fn, *args) -> int:
    return sum(e.primitive.name == "dot_general" for e in equations(jax.make_jaxpr(fn)(*args).jaxpr))


@pytest.mark.parametrize("positions", [LENGTH, 2])
def test_the_gradient_of_a_frozen_kernel_is_never_computed(positions):
    states, kernel, targets, weights = arrays(False)

    def loss(states, kernel):
        return projected_cross_entropy(
            states,
            kernel,
            targets,
            weights,
            vocabulary_first=False,
            label_smoothing=0.0,
            z_loss=0.0,
            logits_bytes=positions * ONE_POSITION,
        ).loss

    # To the vocabulary, back from it, and only for a trained kernel the product of both.
    assert _dots(jax.grad(loss, (0, 1)), states, kernel) == 3
    assert _dots(jax.grad(loss, 0), states, kernel) == 2
    assert _dots(loss, states, kernel) == 1

    def flops(fn):
        return jax.jit(fn).lower(states, kernel).compile().cost_analysis()["flops"]

    one_product = 2 * BATCH * LENGTH * EMBED * VOCAB * (positions / LENGTH)  # of a loop one turn is counted
    saved = flops(jax.grad(loss, (0, 1))) - flops(jax.grad(loss, 0))
    assert saved > 0.9 * one_product


def test_logits_of_one_chunk_live_at_a_time():
    batch, length, embed, vocab = 4, 64, 16, 8192
    whole = 4 * batch * length * vocab
    shapes = (
        jax.ShapeDtypeStruct((batch, length, embed), jnp.float32),
        jax.ShapeDtypeStruct((embed, vocab), jnp.float32),
        jax.ShapeDtypeStruct((batch, length), jnp.int32),
        jax.ShapeDtypeStruct((batch, length), jnp.float32),
    )

    def temporary_bytes(logits_bytes):
        def loss(states, kernel, targets, weights):
            return projected_cross_entropy(
                states,
                kernel,
                targets,
                weights,
                vocabulary_first=False,
                label_smoothing=0.0,
                z_loss=1e-4,
                logits_bytes=logits_bytes,
            ).loss

        compiled = jax.jit(jax.value_and_grad(loss, (0, 1))).lower(*shapes).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary_bytes(whole) >= whole
    assert temporary_bytes(whole // 32) < whole / 4


def test_the_model_uses_the_chunked_loss_and_it_is_the_loss_of_its_logits():
    for cfg in (config(), config(logits_via_embedding=True, mlp_activations=("relu",))):
        model = make_model(cfg, label_smoothing=0.1, z_loss=1e-3)
        params, batch = init_params(model), device(make_batch())

        def whole(params, model=model, batch=batch):
            logits = model._compute_logits(params, batch)
            weights = batch["decoder_loss_weights"]
            return compute_weighted_cross_entropy(logits, batch["decoder_target_tokens"], weights, 0.1, 1e-3)[0]

        loss = functools.partial(model.eval_fn, batch=batch)
        (value, _), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
        expected, expected_gradients = jax.jit(jax.value_and_grad(whole))(params)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        assert greatest_difference(gradients, expected_gradients) < 1e-4


def test_a_model_that_overrides_its_logits_is_trained_on_them():
    model = make_model()

    class Doubled(type(model)):
        def _compute_logits(self, *args, **kwargs):
            return 2 * super()._compute_logits(*args, **kwargs)

    doubled = Doubled(model.module, None, None, model.optimizer_def)
    params, batch = init_params(model), device(make_batch())
    logits = jax.jit(model._compute_logits)(params, batch)
    expected, _, _ = compute_weighted_cross_entropy(
        2 * logits, batch["decoder_target_tokens"], batch["decoder_loss_weights"]
    )
    np.testing.assert_allclose(jax.jit(doubled.eval_fn)(params, batch)[0], expected, rtol=1e-5)
