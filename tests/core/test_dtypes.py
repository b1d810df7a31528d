"""Computing in bfloat16 leaves parameters, optimizer state, gradients and logits in float32."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import config, device, equations, fresh_state, init_params, make_batch, make_model

from t5x.examples.t5.network import Transformer
from t5x.model.layers.attention import MultiHeadAttention
from t5x.model.layers.embedding import Embedding
from t5x.model.layers.layer_norm import LayerNorm
from t5x.train_step import train_step


@pytest.fixture(scope="module")
def model():
    return make_model(config(dtype="bfloat16", dropout_rate=0.1))


def test_training_in_bfloat16_keeps_everything_that_is_stored_in_float32(model):
    params = init_params(model)
    state, metrics = jax.eval_shape(
        lambda p, b: train_step(model, fresh_state(model, p), b, jax.random.key(0), lambda _: jnp.float32(1e-3)),
        params,
        device(make_batch()),
    )
    assert {leaf.dtype for leaf in jax.tree.leaves((state.params, state.param_states))} == {jnp.dtype("float32")}
    assert metrics["loss"].total.dtype == jnp.float32


def test_only_what_is_between_embedding_and_logits_is_bfloat16(model):
    params, batch = init_params(model), device(make_batch())
    _, captured = jax.eval_shape(
        lambda p, b: Transformer(model.module.config).apply(
            {"params": p},
            b["encoder_input_tokens"],
            b["decoder_input_tokens"],
            b["decoder_target_tokens"],
            enable_dropout=False,
            capture_intermediates=lambda module, _: isinstance(module, nn.Module),
            mutable=["intermediates"],
        ),
        params,
        batch,
    )
    dtypes = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf.dtype
        for path, leaf in jax.tree.flatten_with_path(captured["intermediates"])[0]
    }
    logits = {name for name, dtype in dtypes.items() if dtype == jnp.float32}
    assert len(dtypes) > 30
    # The output kernel's product, and the functions that hand it up.
    assert logits == {"decoder/logits_dense/__call__/0", "decoder/logits/0", "decode/0", "__call__/0"}
    assert {dtype for name, dtype in dtypes.items() if name not in logits} == {jnp.dtype("bfloat16")}


def test_layer_norm_computes_in_float32_and_rounds_once():
    x = jax.random.normal(jax.random.key(0), (4, 3, 64)).astype(jnp.bfloat16)
    normed = LayerNorm(jnp.bfloat16).apply({"params": {"scale": jnp.ones(64)}}, x)
    assert normed.dtype == jnp.bfloat16
    x32 = np.asarray(x, np.float32)
    expected = x32 / np.sqrt(np.mean(x32**2, axis=-1, keepdims=True) + 1e-6)
    np.testing.assert_array_equal(normed, jnp.asarray(expected).astype(jnp.bfloat16))


def test_layer_norm_neither_centres_nor_shifts():
    x = jnp.asarray([[3.0, 4.0]])
    normed = LayerNorm().apply({"params": {"scale": jnp.asarray([2.0, 1.0])}}, x)
    np.testing.assert_allclose(normed, [[6 / np.sqrt(12.5), 4 / np.sqrt(12.5)]], rtol=1e-6)


@pytest.mark.parametrize("float32_logits", [False, True])
def test_attention_logits_are_float32_only_when_asked_for(float32_logits):
    layer = MultiHeadAttention(2, 8, dtype=jnp.bfloat16, float32_logits=float32_logits)
    x = jnp.ones((1, 4, 16), jnp.bfloat16)

    def run(x):
        return layer.init_with_output(jax.random.key(0), x, x, deterministic=True)[0]

    assert jax.eval_shape(run, x).dtype == jnp.bfloat16
    # The softmax's exponential is taken in the dtype of the logits.
    exps = [e for e in equations(jax.make_jaxpr(run)(x).jaxpr) if e.primitive.name == "exp"]
    assert {e.outvars[0].aval.dtype for e in exps} == {jnp.dtype("float32" if float32_logits else "bfloat16")}


def test_an_id_outside_the_vocabulary_gives_nan_and_no_silent_neighbour():
    table = jnp.arange(8.0).reshape(4, 2)
    looked_up = Embedding(4, 2).apply({"params": {"embedding": table}}, jnp.asarray([[3, 4]]))
    np.testing.assert_array_equal(looked_up[0, 0], [6.0, 7.0])
    assert np.all(np.isnan(looked_up[0, 1]))
