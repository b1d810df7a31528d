"""Logits, scores and beams of a real checkpoint are those that T5X computes from it.

The checkpoint is T5X's `test_t5_tiny.checkpoint_0` (vocabulary 32,128, width 8): one msgpack file.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import config, device, make_model

from t5x.ckpt.names import unflatten
from t5x.ckpt.restore import read_tree_metadata, restore

SIZES = dict(
    vocab_size=32128, emb_dim=8, num_heads=4, num_encoder_layers=2, num_decoder_layers=2, head_dim=3, mlp_dim=16
)
# Rounds bfloat16 after every operation, as T5X's network did that made the golden numbers, operation by operation.
# Compiled without it, operations that are fused keep more digits: logits then differ by up to 0.02.
AS_WRITTEN = {"xla_allow_excess_precision": False}


@pytest.fixture(scope="module")
def params(shared):
    file = shared / "data" / "t5x_checkpoints" / "test_t5_tiny.checkpoint_0"
    shapes = {name: jax.ShapeDtypeStruct(*entry) for name, entry in read_tree_metadata(file).items()}
    return jax.tree.map(jnp.asarray, restore(file, {"target": unflatten(shapes)["target"]})["target"])


@pytest.fixture(scope="module")
def batch(golden):
    targets = np.asarray(golden["logits"]["dec_tgt"])
    return device(
        {
            "encoder_input_tokens": np.asarray(golden["logits"]["enc"]),
            "decoder_input_tokens": np.asarray(golden["logits"]["dec_in"]),
            "decoder_target_tokens": targets,
            "decoder_loss_weights": (targets > 0).astype(np.float32),
        }
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_logits_scores_and_beams_are_t5x_ones(golden, params, batch, dtype):
    expected = golden["logits"][dtype]
    model = make_model(config(**SIZES, dtype=dtype))
    logits = jax.jit(model._compute_logits, compiler_options=AS_WRITTEN)(params, batch)
    assert logits.shape == tuple(expected["shape"])
    assert logits.dtype == jnp.float32  # whatever the compute dtype
    np.testing.assert_allclose(logits[0, 0, :6], expected["r00"], atol=2e-6)
    np.testing.assert_allclose(logits[1, 4, :6], expected["r14"], atol=2e-6)
    np.testing.assert_array_equal(jnp.argmax(logits, axis=-1), expected["argmax"])
    np.testing.assert_allclose(jnp.mean(jnp.abs(logits)), expected["absmean"], rtol=1e-6)
    np.testing.assert_allclose(jnp.sum(logits), expected["sum"], rtol=1e-6)
    scores = jax.jit(model.score_batch, compiler_options=AS_WRITTEN)(params, batch)
    np.testing.assert_allclose(scores, expected["score"], rtol=1e-6)
    sequences, aux = jax.jit(lambda p, b: model.predict_batch_with_aux(p, b, num_decodes=2, return_all_decodes=True))(
        params, batch
    )
    np.testing.assert_array_equal(sequences, expected["beam2"])
    np.testing.assert_allclose(aux["scores"], expected["beam2_scores"], rtol=1e-6 if dtype == "float32" else 1e-3)


def test_tied_logits_are_t5x_ones(golden, params, batch):
    expected = golden["logits"]["float32_logits_via_embedding"]
    decoder = {name: value for name, value in params["decoder"].items() if name != "logits_dense"}
    model = make_model(config(**SIZES, logits_via_embedding=True))
    logits = jax.jit(model._compute_logits)({**params, "decoder": decoder}, batch)
    np.testing.assert_allclose(logits[0, 0, :6], expected["r00"], atol=1e-5)
    np.testing.assert_allclose(jnp.sum(logits), expected["sum"], rtol=1e-5)
