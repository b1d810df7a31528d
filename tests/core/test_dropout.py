"""Where dropout drops, and what shares one mask: T5X drops whole features of a sequence, not single positions."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from tiny_t5 import config, device, init_params, make_batch, make_model

from t5x.examples.t5.network import Transformer
from t5x.model.layers.attention import MultiHeadAttention
from t5x.model.layers.dropout import feature_dropout


def test_features_of_a_sequence_are_dropped_together_and_each_sequence_for_itself():
    x = jnp.ones((3, 5, 200))
    y = np.asarray(feature_dropout(0.25).apply({}, x, deterministic=False, rngs={"dropout": jax.random.key(0)}))
    assert np.all(y == y[:, :1])  # one mask for all positions
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}  # what is kept is scaled up
    assert np.any(y[0] != y[1])
    np.testing.assert_allclose(np.mean(y == 0), 0.25, atol=4 * np.sqrt(0.25 * 0.75 / 600))


def _dropouts() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Returns module path, input and output of every dropout of one pass through a tiny T5."""
    cfg = config(dropout_rate=0.4, emb_dim=64)
    params, batch = init_params(make_model(cfg)), device(make_batch(rows=2))
    paths = []

    def run(params):
        seen = []

        def spy(next_fun, args, kwargs, context):
            out = next_fun(*args, **kwargs)
            if isinstance(context.module, nn.Dropout) and context.method_name == "__call__":
                paths.append("/".join(context.module.path))
                seen.append((args[0], out))
            return out

        names = ("encoder_input_tokens", "decoder_input_tokens", "decoder_target_tokens")
        with nn.intercept_methods(spy):
            Transformer(cfg).apply(
                {"params": params}, *(batch[name] for name in names), rngs={"dropout": jax.random.key(0)}
            )
        return seen

    seen = jax.jit(run)(params)
    return [(path, np.asarray(before), np.asarray(after)) for path, (before, after) in zip(paths, seen, strict=True)]


def _shares_mask_over(before: np.ndarray, after: np.ndarray, axis: int) -> bool:
    dropped, kept = (after == 0) & (before != 0), after != 0
    # At no place along the axis is the same feature both dropped and kept.
    return not np.any(np.any(dropped, axis=axis) & np.any(kept, axis=axis))


def test_every_dropout_but_that_of_the_encoder_output_shares_its_mask_over_the_length():
    calls = _dropouts()
    # Encoder: embedding, probabilities, attention, inside and after the MLP, output. Decoder: one attention more.
    assert len(calls) == 6 + 8
    unshared = [path for path, before, after in calls if not _shares_mask_over(before, after, -2)]
    assert len(unshared) == 1
    assert unshared[0].split("/")[0] == "encoder"
    assert len(unshared[0].split("/")) == 2  # the encoder's own, no layer's
    for path, before, after in calls:
        assert np.any((after == 0) & (before != 0)), f"{path} drops nothing"
        assert not _shares_mask_over(before, after, 0), f"{path} drops the same for all sequences"


def test_attention_probabilities_share_a_mask_over_queries():
    layer = MultiHeadAttention(2, 8, dropout_rate=0.5)
    x = jax.random.normal(jax.random.key(0), (1, 6, 16))
    variables = layer.init(jax.random.key(1), x, x, deterministic=True)

    def output(x_kv_gradient):
        out = layer.apply(variables, x, x_kv_gradient, deterministic=False, rngs={"dropout": jax.random.key(2)})
        return out[0].sum(axis=-1)  # [Q]

    gradients = np.asarray(jax.jit(jax.jacobian(output))(x))[:, 0]  # [Q, K, E]: which keys each query hears
    heard = np.any(np.abs(gradients) > 1e-9, axis=-1)
    assert np.all(heard == heard[0])


def test_without_a_dropout_key_nothing_is_dropped():
    params = init_params(make_model())
    batch = device(make_batch())
    with_rate = jax.jit(lambda p: make_model(config(dropout_rate=0.5)).loss_fn(p, batch, None)[0])(params)
    without = jax.jit(lambda p: make_model(config(dropout_rate=0.0)).loss_fn(p, batch, jax.random.key(0))[0])(params)
    np.testing.assert_allclose(with_rate, without, rtol=1e-6)


def test_different_keys_drop_differently_and_equal_keys_alike():
    model = make_model(config(dropout_rate=0.3))
    params, batch = init_params(model), device(make_batch())
    loss = jax.jit(lambda key: model.loss_fn(params, batch, key)[0])
    assert loss(jax.random.key(1)) == loss(jax.random.key(1))
    assert loss(jax.random.key(1)) != loss(jax.random.key(2))
