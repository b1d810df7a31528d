"""What may not influence what: later targets, other packed examples, padding. Gradients tell, and miss nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import INPUTS, TARGETS, config, device, init_params, make_batch, make_model, pack

CONFIG = config(num_encoder_layers=2, num_decoder_layers=2)
MODEL = make_model(CONFIG)


@pytest.fixture(scope="module")
def params():
    return init_params(MODEL)


def _influence(params, batch):
    """Returns which input tokens `[Q, Lin]` and target tokens `[Q, Ltgt]` the logits at each position depend on.

    Every position of row 0 gets a token of its own, so that the gradient towards the embedding table tells positions
    apart: rows of the table are positions.
    """
    inputs, targets = batch["encoder_input_tokens"].shape[1], batch["decoder_input_tokens"].shape[1]
    own = {
        **batch,
        "encoder_input_tokens": jnp.arange(1, inputs + 1, dtype=jnp.int32)[None],
        "decoder_input_tokens": jnp.arange(inputs + 1, inputs + targets + 1, dtype=jnp.int32)[None],
    }
    # Padding stays padding: its id is 0 for the masks.
    own["encoder_input_tokens"] = jnp.where(batch["encoder_input_tokens"] > 0, own["encoder_input_tokens"], 0)

    def logits(table):
        # Any direction of the logits would do; a fixed random one cannot cancel by chance.
        direction = jax.random.normal(jax.random.key(5), (CONFIG.vocab_size,))
        return MODEL._compute_logits({**params, "token_embedder": {"embedding": table}}, own)[0] @ direction

    gradients = jax.jit(jax.jacobian(logits))(params["token_embedder"]["embedding"])  # [Q, V, E]
    depends = np.any(np.asarray(gradients) != 0, axis=-1)
    return depends[:, 1 : inputs + 1], depends[:, inputs + 1 : inputs + targets + 1]


def test_a_target_position_sees_all_inputs_and_no_later_target(params):
    targets = np.arange(2, TARGETS + 2, dtype=np.int32)[None]
    batch = {
        "encoder_input_tokens": np.ones((1, INPUTS), np.int32),
        "decoder_input_tokens": targets,
        "decoder_target_tokens": targets,
    }
    inputs, targets = _influence(params, device(batch))
    assert np.all(inputs)
    np.testing.assert_array_equal(targets, np.tril(np.ones((TARGETS, TARGETS), bool)))


def test_padded_inputs_are_seen_by_nobody(params):
    targets = np.arange(2, TARGETS + 2, dtype=np.int32)[None]
    batch = {
        "encoder_input_tokens": (np.arange(INPUTS) < 6).astype(np.int32)[None],
        "decoder_input_tokens": targets,
        "decoder_target_tokens": targets,
    }
    inputs, _ = _influence(params, device(batch))
    np.testing.assert_array_equal(inputs, np.broadcast_to(np.arange(INPUTS) < 6, inputs.shape))


def test_packed_examples_do_not_see_each_other(params):
    packed = pack(make_batch(rows=3, seed=1))
    inputs, targets = _influence(params, device(packed))
    encoder, decoder = packed["encoder_segment_ids"][0], packed["decoder_segment_ids"][0]
    real = decoder > 0
    same = decoder[:, None] == encoder[None]
    np.testing.assert_array_equal(inputs[real], same[real])
    before = np.tril(np.ones(targets.shape, bool)) & (decoder[:, None] == decoder[None])
    np.testing.assert_array_equal(targets[real], before[real])


def test_packed_examples_have_the_logits_they_have_alone(params):
    batch = make_batch(rows=3, seed=1)
    packed = pack(batch)
    logits = jax.jit(MODEL._compute_logits)
    alone, together = logits(params, device(batch)), logits(params, device(packed))
    for row in range(3):
        length = int((batch["decoder_target_tokens"][row] > 0).sum())
        places = np.flatnonzero(packed["decoder_segment_ids"][0] == row + 1)
        np.testing.assert_allclose(together[0, places], alone[row, :length], rtol=1e-4, atol=1e-5)


def test_a_packed_batch_has_the_loss_of_its_examples(params):
    batch = make_batch(rows=3, seed=1)
    loss = jax.jit(lambda batch: MODEL.loss_fn(params, batch, None))
    (alone, alone_metrics), (together, together_metrics) = loss(device(batch)), loss(device(pack(batch)))
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert together_metrics["accuracy"].total == alone_metrics["accuracy"].total
    assert together_metrics["accuracy"].count == alone_metrics["accuracy"].count


def test_more_padding_changes_neither_logits_nor_loss(params):
    batch = make_batch(rows=2)
    wider = {name: np.pad(value, ((0, 0), (0, 3))) for name, value in batch.items()}
    logits = jax.jit(MODEL._compute_logits)
    real = batch["decoder_target_tokens"] > 0
    narrow_logits, wide_logits = logits(params, device(batch)), logits(params, device(wider))[:, :TARGETS]
    np.testing.assert_allclose(wide_logits[real], narrow_logits[real], rtol=1e-4, atol=1e-5)
    loss = jax.jit(lambda batch: MODEL.loss_fn(params, batch, None)[0])
    np.testing.assert_allclose(loss(device(wider)), loss(device(batch)), rtol=1e-6)


def test_rows_of_a_batch_do_not_see_each_other(params):
    batch = make_batch(rows=3)
    logits = jax.jit(MODEL._compute_logits)
    whole = logits(params, device(batch))
    other = {name: np.concatenate([value[:1], value[2:], value[2:]]) for name, value in batch.items()}
    np.testing.assert_array_equal(logits(params, device(other))[0], whole[0])
