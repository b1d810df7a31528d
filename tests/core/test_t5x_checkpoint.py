"""A checkpoint that T5X wrote is read into a train state, gives T5X's logits, and training goes on from it."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import device, flat, make_model, one_device_partitioner, with_decoder_inputs

from t5x.ckpt.discovery import all_steps
from t5x.examples.t5.network import T5Config
from t5x.initialize import TrainStateInitializer
from t5x.train_step import train_step

FOLDER = "data/t5x_checkpoints/t5_1_1_2layer"


@pytest.fixture(scope="module")
def expected(shared):
    return json.loads((shared / FOLDER / "expected.json").read_text())


@pytest.fixture(scope="module", params=["orbax", "legacy_f32"])
def restored(shared, expected, request):
    sizes = {**expected["cfg"], "mlp_activations": tuple(expected["cfg"]["mlp_activations"])}
    model = make_model(T5Config(**sizes))
    folder = shared / FOLDER / request.param
    (step,) = all_steps(folder)
    shapes = {"encoder_input_tokens": (2, 6), "decoder_input_tokens": (2, 5), "decoder_target_tokens": (2, 5)}
    initializer = TrainStateInitializer(model, shapes, one_device_partitioner())
    state = initializer.from_checkpoint(str(folder / f"checkpoint_{step}"), rng=jax.random.key(0))
    return model, state


@pytest.fixture(scope="module")
def batch(expected):
    names = {"enc": "encoder_input_tokens", "dec_in": "decoder_input_tokens", "dec_tgt": "decoder_target_tokens"}
    return device({ours: np.asarray(expected[theirs], np.int32) for theirs, ours in names.items()})


def test_every_parameter_of_the_checkpoint_arrives(expected, restored):
    _, state = restored
    assert int(state.step) == 7
    params = flat(state.params)
    assert params.keys() == expected["param_sums"].keys()
    for name, (total, absolute) in expected["param_sums"].items():
        np.testing.assert_allclose(jnp.sum(params[name]), total, rtol=1e-5, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(jnp.sum(jnp.abs(params[name])), absolute, rtol=1e-5, err_msg=name)


def test_logits_of_the_checkpoint_are_t5x_ones(expected, restored, batch):
    model, state = restored
    logits = jax.jit(model._compute_logits)(state.params, batch)
    np.testing.assert_allclose(logits[0, 0, :8], expected["logits_0_0_:8"], atol=1e-5)
    np.testing.assert_allclose(logits[1, 4, :8], expected["logits_1_4_:8"], atol=1e-5)
    np.testing.assert_allclose(jnp.sum(jnp.abs(logits)), expected["logits_abs_sum"], rtol=1e-6)
    np.testing.assert_allclose(jnp.sum(logits), expected["logits_sum"], atol=2e-3)  # 3,840 terms of both signs


def test_packed_logits_of_the_checkpoint_are_t5x_ones(expected, restored):
    model, state = restored
    packed = expected["packed"]
    names = {
        "enc": "encoder_input_tokens",
        "enc_seg": "encoder_segment_ids",
        "dec_in": "decoder_input_tokens",
        "dec_tgt": "decoder_target_tokens",
        "dec_seg": "decoder_segment_ids",
    }
    batch = device({ours: np.asarray(packed[theirs], np.int32) for theirs, ours in names.items()})
    logits = jax.jit(model._compute_logits)(state.params, batch)
    np.testing.assert_allclose(logits[0, 4, :8], packed["logits_0_4_:8"], atol=1e-5)
    np.testing.assert_allclose(jnp.sum(logits), packed["logits_sum"], atol=2e-3)


def test_finetuning_goes_on_from_the_checkpoint_and_lowers_the_loss(restored, batch):
    model, state = restored
    batch = device(with_decoder_inputs(jax.device_get(batch)))
    step = jax.jit(lambda s, b: train_step(model, s, b, jax.random.key(0), lambda _: jnp.float32(1e-2)))
    state, before = step(state, batch)
    assert int(state.step) == 8
    _, after = step(state, batch)
    assert float(after["loss"].total) < 0.95 * float(before["loss"].total)
