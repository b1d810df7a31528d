"""Cutting a batch into microbatches changes what memory a step needs, and neither its loss nor its gradients."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import config, device, fresh_state, greatest_difference, init_params, make_batch, make_model, pack

from t5x.errors import UserError
from t5x.examples.t5.network import T5Config
from t5x.microbatch import check_microbatches
from t5x.model.encoder_decoder import EncoderDecoderModel
from t5x.optim.optimizer_def import OptimizerDef, OptimizerState
from t5x.train_step import train_step

NORMALIZERS = (None, 7.0, "NUM_REAL_TARGET_TOKENS", "NUM_TOTAL_TARGET_TOKENS", "AVERAGE_PER_SEQUENCE")


class KeepsGradients(OptimizerDef):
    """Puts the gradients where the parameters were, to look at them."""

    def init_state(self, params):
        return OptimizerState(jnp.zeros((), jnp.int32), {})

    def apply_gradient(self, params, state, grads, learning_rate):
        return grads, OptimizerState(state.step + 1, {})

    def param_state_axes(self, params, axes):
        return {}


class Bag(nn.Module):
    """A network that compiles fast: logits from a token and the mean of the inputs."""

    config: T5Config

    @nn.compact
    def __call__(self, encoder_input_tokens, decoder_input_tokens, decoder_target_tokens, *, enable_dropout=True, **_):
        embed = nn.Embed(self.config.vocab_size, 8)
        x = embed(decoder_input_tokens) + jnp.mean(embed(encoder_input_tokens), axis=1, keepdims=True)
        x = nn.Dropout(self.config.dropout_rate)(x, deterministic=not enable_dropout)
        return nn.Dense(self.config.vocab_size)(x)


def bag_model(normalizer=None, dropout_rate=0.0) -> EncoderDecoderModel:
    module = Bag(config(dropout_rate=dropout_rate))
    return EncoderDecoderModel(
        module, None, None, KeepsGradients(), z_loss=1e-3, label_smoothing=0.1, loss_normalizing_factor=normalizer
    )


def step_of(model, params, batch, num_microbatches):
    """Returns the metrics and gradients of one training step."""

    def run(params, batch):
        state = fresh_state(model, params)
        after, metrics = train_step(model, state, batch, jax.random.key(1), lambda _: jnp.float32(1), num_microbatches)
        return metrics, after.params

    return jax.jit(run)(params, device(batch))


def packed_rows() -> dict[str, np.ndarray]:
    """Returns four rows of two examples each, of different lengths."""
    rows = [pack({name: value[2 * i : 2 * i + 2] for name, value in make_batch(8).items()}) for i in range(4)]
    return {
        name: np.concatenate([np.pad(row[name], ((0, 0), (0, 24 - row[name].shape[1]))) for row in rows])
        for name in rows[0]
    }


@pytest.mark.parametrize("batch", [make_batch(4), packed_rows()], ids=["plain", "packed"])
@pytest.mark.parametrize("normalizer", NORMALIZERS)
def test_microbatches_give_the_loss_and_gradients_of_the_whole_batch(normalizer, batch):
    model = bag_model(normalizer)
    params = init_params(model)
    whole, expected = step_of(model, params, batch, None)
    for count in (2, 4):
        metrics, gradients = step_of(model, params, batch, count)
        assert greatest_difference(gradients, expected) < 1e-5
        assert metrics.keys() == whole.keys()
        for name in whole:
            np.testing.assert_allclose(
                jax.tree.leaves(metrics[name]), jax.tree.leaves(whole[name]), rtol=1e-5, err_msg=name
            )


def test_microbatches_of_the_chunked_loss_give_the_gradients_of_the_whole_batch():
    model = make_model(loss_normalizing_factor="AVERAGE_PER_SEQUENCE", z_loss=1e-3)
    model.optimizer_def = KeepsGradients()
    params, batch = init_params(model), make_batch(4)
    whole, expected = step_of(model, params, batch, 1)
    metrics, gradients = step_of(model, params, batch, 2)
    np.testing.assert_allclose(metrics["loss"].total, whole["loss"].total, rtol=1e-5)
    assert greatest_difference(gradients, expected) < 1e-4


def test_equal_microbatches_draw_different_dropout_masks():
    losses = []

    class Watched(EncoderDecoderModel):
        def loss_fn(self, params, batch, dropout_rng):
            loss, metrics = super().loss_fn(params, batch, dropout_rng)
            jax.debug.callback(lambda value: losses.append(float(value)), loss)
            return loss, metrics

    row = make_batch(1)
    batch = {name: np.repeat(value, 4, axis=0) for name, value in row.items()}
    model = Watched(Bag(config(dropout_rate=0.5)), None, None, KeepsGradients())
    step_of(model, init_params(model), batch, 4)
    jax.effects_barrier()
    assert len(losses) == 4
    assert len(set(losses)) == 4  # T5X gives all of them the same mask


def test_gradients_are_summed_in_float32_whatever_their_dtype():
    model = bag_model()
    params = jax.tree.map(lambda p: p.astype(jnp.bfloat16), init_params(model))
    _, gradients = step_of(model, params, make_batch(4), 2)
    assert {leaf.dtype for leaf in jax.tree.leaves(gradients)} == {jnp.dtype("float32")}


def test_a_batch_that_does_not_fall_into_microbatches_is_refused_with_numbers_that_fit():
    with pytest.raises(UserError, match=r"batch size 6 .* num_microbatches 4; choose one of 1, 2, 3, 6\."):
        step_of(bag_model(), init_params(bag_model()), make_batch(6), 4)
    with pytest.raises(UserError, match=r"leaves 3 examples each.* num_microbatches 2; choose one of 1, 3\."):
        check_microbatches(12, 2, data_shards=4)
    with pytest.raises(UserError, match=r"batch size 6 is not divisible by the 4 data shards .* such as 8, 12"):
        check_microbatches(6, 1, data_shards=4)
    check_microbatches(12, 3, data_shards=4)
