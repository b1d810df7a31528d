"""Functions give the numbers that T5X's own gave: position buckets, learning rates, losses, Adafactor."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t5x.adafactor import Adafactor
from t5x.errors import UserError
from t5x.losses import (
    SpecialLossNormalizingFactor,
    compute_weighted_cross_entropy,
    get_loss_normalizing_factor_and_weights,
)
from t5x.model.layers.relative_position import relative_position_bucket
from t5x.optim.learning_rate import create_learning_rate_scheduler
from t5x.train_state import FlaxOptimTrainState

SCHEDULES = ("default", "pretrain", "finetune", "linear_decay", "rsqrt_norm", "decay_every", "cosine", "offset")
ADAFACTORS = ("default", "beta1_0.9", "nofactor", "wd", "gclip1", "noscale")


@pytest.mark.parametrize("bidirectional", [True, False])
def test_every_distance_up_to_200_falls_into_t5x_bucket(golden, bidirectional):
    expected = golden["relpos"]["bidirectional_32_128" if bidirectional else "causal_32_128"]
    buckets = relative_position_bucket(jnp.arange(-200, 201), bidirectional)
    np.testing.assert_array_equal(buckets, expected)


@pytest.mark.parametrize("name", SCHEDULES)
def test_learning_rates_are_t5x_learning_rates(golden, name):
    schedule = create_learning_rate_scheduler(**golden["lr"][name]["kw"])
    rates = [schedule(jnp.asarray(step, jnp.int32)) for step in golden["lr"]["steps"]]
    assert all(rate.dtype == jnp.float32 for rate in rates)
    np.testing.assert_allclose(rates, golden["lr"][name]["values"], rtol=1e-6)


def test_all_golden_schedules_and_optimizers_are_compared(golden):
    assert set(golden["lr"]) == {"steps", *SCHEDULES}
    assert set(golden["adafactor"]) == {"setup", *ADAFACTORS}


def test_a_misspelt_factor_of_the_schedule_names_the_nearest():
    with pytest.raises(UserError, match=r"'linear_warmpu' .* Did you mean 'linear_warmup'"):
        create_learning_rate_scheduler("constant * linear_warmpu")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain", {}),
        ("z1e-4", {"z_loss": 1e-4}),
        ("ls0.1", {"label_smoothing": 0.1}),
        ("ls0.1_z1e-4_norm10", {"label_smoothing": 0.1, "z_loss": 1e-4, "loss_normalizing_factor": 10.0}),
    ],
)
def test_loss_z_loss_and_gradient_are_t5x_ones(golden, name, options):
    expected = golden["loss"][name]
    logits = 3 * jnp.sin(jnp.arange(70, dtype=jnp.float32)).reshape(2, 5, 7)
    targets = jnp.asarray(golden["loss"]["targets"])
    weights = (targets > 0).astype(jnp.float32)

    def loss(logits):
        total, z_loss, weight_sum = compute_weighted_cross_entropy(logits, targets, weights, **options)
        return total, (z_loss, weight_sum)

    (total, (z_loss, weight_sum)), gradient = jax.value_and_grad(loss, has_aux=True)(logits)
    np.testing.assert_allclose(total, expected["loss"], rtol=1e-6)
    np.testing.assert_allclose(z_loss, expected["z_loss"], rtol=1e-5)
    assert weight_sum == expected["weight_sum"]
    np.testing.assert_allclose(gradient[0, 0], expected["grad_0_0"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jnp.sum(jnp.abs(gradient)), expected["grad_abs_sum"], rtol=1e-6)
    assert not np.any(gradient[0, 3:])  # weight 0


@pytest.mark.parametrize("kind", list(SpecialLossNormalizingFactor))
def test_normalising_factors_and_weights_are_t5x_ones(golden, kind):
    expected = golden["loss"][kind.name]
    targets = jnp.asarray(golden["loss"]["targets"])
    batch = {"decoder_target_tokens": targets, "decoder_loss_weights": (targets > 0).astype(jnp.float32)}
    for name in (kind, kind.name, kind.name.lower()):
        factor, weights = get_loss_normalizing_factor_and_weights(name, batch)
        np.testing.assert_allclose(factor, expected["factor"], rtol=1e-6)
        np.testing.assert_allclose(weights, expected["weights"], rtol=1e-6)


@pytest.mark.parametrize("kind", list(SpecialLossNormalizingFactor))
def test_packed_sequences_are_normalised_each_for_itself(golden, kind):
    expected = golden["loss"][kind.name]
    # Two segments of which the first has a position without weight, then padding.
    batch = {
        "decoder_target_tokens": jnp.asarray([[3, 4, 1, 5, 1, 0]]),
        "decoder_segment_ids": jnp.asarray([[1, 1, 1, 2, 2, 0]]),
        "decoder_positions": jnp.asarray([[0, 1, 2, 0, 1, 0]]),
        "decoder_loss_weights": jnp.asarray([[0, 1, 1, 1, 1, 0]]),
    }
    factor, weights = get_loss_normalizing_factor_and_weights(kind, batch)
    np.testing.assert_allclose(factor, expected["packed_factor"], rtol=1e-6)
    np.testing.assert_allclose(weights, expected["packed_weights"], rtol=1e-6)


def test_a_perfect_smoothed_prediction_costs_nothing():
    confidence, low = 0.9, 0.1 / 6
    logits = jnp.log(jnp.full((1, 1, 7), low).at[0, 0, 2].set(confidence))
    loss, _, _ = compute_weighted_cross_entropy(logits, jnp.asarray([[2]]), label_smoothing=0.1)
    np.testing.assert_allclose(loss, 0.0, atol=1e-6)


@pytest.mark.parametrize("name", ADAFACTORS)
def test_adafactor_takes_t5x_steps(golden, name):
    expected = golden["adafactor"][name]
    params = {
        "P": {
            "big": {"kernel": 0.1 * jnp.cos(jnp.arange(256 * 128, dtype=jnp.float32)).reshape(256, 128)},
            "small": {"scale": jnp.ones(16)},
        }
    }
    state = FlaxOptimTrainState.create(Adafactor(decay_rate=0.8, **expected["kw"]), params)
    step = jax.jit(lambda state, grads: state.apply_gradient(grads, jnp.float32(0.01)))
    for i in range(3):
        grads = jax.tree.map(
            lambda p, i=i: jnp.sin(jnp.arange(p.size, dtype=jnp.float32) * 0.01 * (i + 1)).reshape(p.shape), params
        )
        state = step(state, grads)
    big, small = state.params["P"]["big"]["kernel"], state.params["P"]["small"]["scale"]
    np.testing.assert_allclose(big[0, :4], expected["big_00_03"], rtol=2e-5)
    np.testing.assert_allclose(jnp.sum(big), expected["big_sum"], atol=2e-3)  # of 32,768 terms up to 0.1
    np.testing.assert_allclose(jnp.linalg.norm(big), expected["big_l2"], rtol=1e-5)
    np.testing.assert_allclose(small[:4], expected["small"], rtol=1e-6)
    moments = state.param_states["P"]["big"]["kernel"]
    np.testing.assert_allclose(jnp.sum(moments["v_row"]), expected["v_row_sum"], rtol=1e-5)
    np.testing.assert_allclose(jnp.sum(moments["v_col"]), expected["v_col_sum"], rtol=1e-5)
    assert state.step == 3
