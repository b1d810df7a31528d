"""The decoder-only model: what a position sees, decoding with a prefilled cache, training, and the mesh."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_t5 import device, equations, flat, fresh_state, one_device_partitioner

from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.decode.beam_search import beam_search
from t5x.decode.sampling import temperature_sample
from t5x.errors import UserError
from t5x.examples.decoder_only.network import DecoderWrapper, TransformerConfig
from t5x.initialize import TrainStateInitializer
from t5x.model.decoder_only import DecoderOnlyModel, remove_prefix
from t5x.shard.partitioner import PjitPartitioner
from t5x.trainer import Trainer

CONFIG = TransformerConfig(
    vocab_size=64,
    emb_dim=16,
    num_heads=4,
    num_layers=2,
    head_dim=4,
    mlp_dim=32,
    mlp_activations=("gelu", "linear"),
    dropout_rate=0.0,
)
LENGTH = 14
ROWS = 4
both = pytest.mark.parametrize("bidirectional", [False, True], ids=["causal", "prefix"])


def make_model(cfg: TransformerConfig = CONFIG, **options) -> DecoderOnlyModel:
    optimizer = Adafactor(
        decay_rate=0.8, step_offset=0, min_dim_size_to_factor=8, logical_factor_rules=standard_logical_factor_rules()
    )
    return DecoderOnlyModel(DecoderWrapper(cfg), None, optimizer, **options)


@functools.cache
def model_and_params(bidirectional: bool, **options):
    """Returns a model whose parameters are large enough for every influence to be seen."""
    model = make_model(inputs_bidirectional_attention=bidirectional, **options)
    shapes = {"decoder_input_tokens": (1, LENGTH), "decoder_target_tokens": (1, LENGTH)}
    variables = jax.eval_shape(lambda rng: model.get_initial_variables(rng, shapes), jax.random.key(0))
    rng = np.random.default_rng(0)
    shapes = model.params_shapes_and_axes(variables)[0]
    return model, jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) * 0.5, jnp.float32), shapes)


def rows_of(examples: list[tuple[list[int], list[int]]], length: int = LENGTH) -> dict[str, np.ndarray]:
    """Returns what SeqIO's DecoderFeatureConverter makes of unpacked (inputs, targets)."""
    names = ("decoder_target_tokens", "decoder_input_tokens", "decoder_loss_weights", "decoder_causal_attention")
    batch = {name: np.zeros((len(examples), length), np.int32) for name in names}
    for i, (inputs, targets) in enumerate(examples):
        whole, width = [*inputs, *targets], len(inputs)
        batch["decoder_target_tokens"][i, : len(whole)] = whole
        shifted = [0, *whole][:length]
        batch["decoder_input_tokens"][i, : len(shifted)] = shifted
        batch["decoder_loss_weights"][i, width : len(whole)] = 1
        batch["decoder_causal_attention"][i, : width + 1] = 1
    return batch


def examples(rows: int = ROWS, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    rng = np.random.default_rng(seed)
    return [
        tuple([*rng.integers(2, CONFIG.vocab_size, rng.integers(2, LENGTH // 2)).tolist(), 1] for _ in range(2))
        for _ in range(rows)
    ]


def pack(pairs: list[tuple[list[int], list[int]]]) -> dict[str, np.ndarray]:
    """Returns all examples in one row, with two padding tokens behind them."""
    packed: dict[str, list[int]] = {}
    for i, (inputs, targets) in enumerate(pairs):
        length = len(inputs) + len(targets)
        for name, values in rows_of([(inputs, targets)], length).items():
            packed.setdefault(name, []).extend(values[0])
        packed.setdefault("decoder_segment_ids", []).extend([i + 1] * length)
        packed.setdefault("decoder_positions", []).extend(range(length))
    return {name: np.asarray([[*values, 0, 0]], np.int32) for name, values in packed.items()}


@functools.cache
def compiled_logits(model):
    return jax.jit(model._compute_logits)


def logits(model, params, batch):
    return np.asarray(compiled_logits(model)(params, device(batch)))


def influence(bidirectional: bool, batch: dict[str, np.ndarray]) -> np.ndarray:
    """Returns on which input tokens of row 0 each position's logits depend, `[Q, K]`.

    Every position gets a token of its own, so that rows of the embedding's gradient are positions.
    """
    model, params = model_and_params(bidirectional)
    length = batch["decoder_input_tokens"].shape[1]
    own = device({**batch, "decoder_input_tokens": np.arange(1, length + 1, dtype=np.int32)[None]})

    def scalar(table):
        tree = {"decoder": {**params["decoder"], "token_embedder": {"embedding": table}}}
        direction = jax.random.normal(jax.random.key(5), (CONFIG.vocab_size,))
        return model._compute_logits(tree, own)[0] @ direction

    gradients = jax.jit(jax.jacobian(scalar))(params["decoder"]["token_embedder"]["embedding"])
    return np.any(np.asarray(gradients) != 0, axis=-1)[:, 1 : length + 1]


def test_the_parameter_tree_is_t5x_s():
    tree = flat(model_and_params(False)[1])
    layer = ["pre_self_attention_layer_norm/scale", "pre_mlp_layer_norm/scale"]
    layer += [f"self_attention/{name}/kernel" for name in ("query", "key", "value", "out")]
    layer += [f"mlp/{name}/kernel" for name in ("wi_0", "wi_1", "wo")]
    expected = {f"decoder/layers_{i}/{name}" for i in range(2) for name in layer}
    expected |= {
        f"decoder/{name}"
        for name in (
            "token_embedder/embedding",
            "relpos_bias/rel_embedding",
            "decoder_norm/scale",
            "logits_dense/kernel",
        )
    }
    assert set(tree) == expected
    assert tree["decoder/layers_0/self_attention/query/kernel"].shape == (16, 16)


@both
def test_a_position_sees_its_past_and_of_the_future_the_inputs_only_if_bidirectional(bidirectional):
    inputs, targets = [5, 6, 7, 1], [8, 9, 10, 1]
    batch = rows_of([(inputs, targets)], 8)
    expected = np.tril(np.ones((8, 8), bool))
    if bidirectional:
        expected[:5, :5] = True  # the start token and the four inputs
    np.testing.assert_array_equal(influence(bidirectional, batch), expected)


@both
def test_packed_examples_do_not_see_each_other(bidirectional):
    pairs = examples(3)
    packed = pack(pairs)
    segments, prefix = packed["decoder_segment_ids"][0], packed["decoder_causal_attention"][0] > 0
    length = len(segments)
    expected = np.tril(np.ones((length, length), bool))
    if bidirectional:
        expected |= prefix[:, None] & prefix[None]
    expected &= segments[:, None] == segments[None]
    real = segments > 0
    np.testing.assert_array_equal(influence(bidirectional, packed)[real], expected[real])


@both
def test_packed_examples_have_the_logits_scores_and_loss_they_have_alone(bidirectional):
    pairs = examples(3)
    model, params = model_and_params(bidirectional)
    packed, alone = pack(pairs), rows_of(pairs)
    together, apart = logits(model, params, packed), logits(model, params, alone)
    for row, (inputs, targets) in enumerate(pairs):
        places = np.flatnonzero(packed["decoder_segment_ids"][0] == row + 1)
        np.testing.assert_allclose(together[0, places], apart[row, : len(inputs) + len(targets)], rtol=1e-4, atol=1e-4)
    score = jax.jit(model.score_batch)
    np.testing.assert_allclose(score(params, device(packed))[0], np.sum(score(params, device(alone))), rtol=1e-5)
    loss = jax.jit(lambda batch: model.loss_fn(params, batch, None)[0])
    np.testing.assert_allclose(loss(device(packed)), loss(device(alone)), rtol=1e-5)


def test_the_loss_is_over_targets_only_and_minus_the_scores():
    model, params = model_and_params(True)
    batch = rows_of(examples())
    loss, metrics = jax.jit(lambda batch: model.loss_fn(params, batch, None))(device(batch))
    log_probs = np.asarray(jax.nn.log_softmax(logits(model, params, batch), axis=-1))
    picked = np.take_along_axis(log_probs, batch["decoder_target_tokens"][..., None], axis=-1)[..., 0]
    expected = np.sum(picked * batch["decoder_loss_weights"], axis=-1)
    np.testing.assert_allclose(jax.jit(model.score_batch)(params, device(batch)), expected, rtol=1e-5)
    np.testing.assert_allclose(loss, -np.sum(expected), rtol=1e-5)
    assert metrics["accuracy"].count == sum(len(targets) for _, targets in examples())


class Overridden(DecoderOnlyModel):
    """Says the same in another way, which the chunked loss cannot know."""

    def _compute_logits(self, params, batch, *arguments, **named):
        return super()._compute_logits(params, batch, *arguments, **named) * 0.5


def test_overridden_logits_are_those_of_the_loss():
    model, params = model_and_params(False)
    changed = Overridden(model.module, None, model.optimizer_def)
    batch = device(rows_of(examples()))
    assert changed.loss_fn(params, batch, None)[0] == pytest.approx(-float(sum(changed.score_batch(params, batch))))
    assert abs(float(changed.loss_fn(params, batch, None)[0] - model.loss_fn(params, batch, None)[0])) > 1


def decode(model, params, batch, **options):
    run = jax.jit(lambda params, batch, rng: model.predict_batch_with_aux(params, batch, rng, **options))
    sequences, aux = run(params, device(batch), jax.random.key(0))
    return np.asarray(sequences), np.asarray(aux["scores"])


def until_end(sequence: np.ndarray) -> list[int]:
    ids = sequence.tolist()
    return ids[: ids.index(1) + 1] if 1 in ids else ids


@both
def test_greedy_decoding_takes_the_most_probable_token_of_the_full_network(bidirectional):
    model, params = model_and_params(bidirectional)
    pairs = [([5, 6, 7, 1], []), ([9, 1], []), ([11, 12, 13, 14, 15, 16, 17, 18, 1], []), ([2] * 12 + [1], [])]
    sequences, _ = decode(model, params, rows_of(pairs))
    assert sequences.shape == (4, LENGTH)
    for row, (inputs, _) in enumerate(pairs):
        room = LENGTH - len(inputs)
        assert not np.any(sequences[row, room:])  # a row holds its inputs and what follows
        answer = until_end(sequences[row, :room])
        assert not np.any(sequences[row, len(answer) :])
        if not answer:
            continue
        whole = rows_of([(inputs, answer)])
        whole["decoder_target_tokens"] = np.ones_like(whole["decoder_target_tokens"])  # all positions are real
        best = np.argmax(logits(model, params, whole)[0], axis=-1)
        np.testing.assert_array_equal(answer, best[len(inputs) : len(inputs) + len(answer)])


def test_what_is_decoded_does_not_depend_on_targets_in_the_batch():
    model, params = model_and_params(True)
    pairs = examples()
    with_targets, _ = decode(model, params, rows_of(pairs))
    without, _ = decode(model, params, rows_of([(inputs, []) for inputs, _ in pairs]))
    np.testing.assert_array_equal(with_targets, without)


@both
@pytest.mark.parametrize("search", [beam_search, temperature_sample])
def test_scores_are_log_probabilities_of_the_full_network(bidirectional, search):
    model, params = model_and_params(bidirectional)
    model = make_model(inputs_bidirectional_attention=bidirectional, decode_fn=search)
    sampling = {"topk": 0, "rescale_log_probs": False}
    inputs = [inputs for inputs, _ in examples(3, seed=2)]
    every, scores = decode(
        model,
        params,
        rows_of([(ids, []) for ids in inputs]),
        num_decodes=3,
        return_all_decodes=True,
        decoder_params={"alpha": 0.0} if search is beam_search else sampling,
    )
    assert np.all(np.diff(scores, axis=-1) >= 0)
    for row, beam in itertools.product(range(3), range(3)):
        answer = until_end(every[row, beam, : LENGTH - len(inputs[row])])
        whole = rows_of([(inputs[row], answer)])
        whole["decoder_target_tokens"] = np.ones_like(whole["decoder_target_tokens"])
        log_probs = np.asarray(jax.nn.log_softmax(logits(model, params, whole)[0], axis=-1))
        places = np.arange(len(inputs[row]), len(inputs[row]) + len(answer))
        np.testing.assert_allclose(scores[row, beam], np.sum(log_probs[places, answer]), rtol=1e-4, atol=1e-4)
    best, best_scores = decode(
        model,
        params,
        rows_of([(ids, []) for ids in inputs]),
        num_decodes=3,
        decoder_params={"alpha": 0.0} if search is beam_search else sampling,
    )
    np.testing.assert_array_equal(best, every[:, -1])
    np.testing.assert_allclose(best_scores, scores[:, -1], rtol=1e-5)


def test_inputs_are_read_once_and_each_step_computes_one_position():
    model, params = model_and_params(True)
    jaxpr = jax.make_jaxpr(lambda p, b: model.predict_batch_with_aux(p, b))(params, device(rows_of(examples())))
    (loop,) = [e for e in equations(jaxpr.jaxpr) if e.primitive.name == "while"]
    kernel = (CONFIG.emb_dim, CONFIG.mlp_dim)

    def rows(jaxpr):
        return [
            e.invars[0].aval.shape[0]
            for e in equations(jaxpr)
            if e.primitive.name == "dot_general" and e.invars[1].aval.shape == kernel
        ]

    inside = rows(loop.params["body_jaxpr"].jaxpr)
    assert inside == [ROWS] * 2 * CONFIG.num_layers
    assert sorted(rows(jaxpr.jaxpr)) == sorted(inside + [ROWS * LENGTH] * 2 * CONFIG.num_layers)


def test_the_network_decodes_from_an_empty_cache_as_it_computes_all_at_once():
    model, params = model_and_params(False)
    tokens = jnp.asarray(np.random.default_rng(3).integers(2, 64, (2, 6)), jnp.int32)
    whole = model.module.apply({"params": params}, tokens, tokens, enable_dropout=False)
    cache, found = {}, []
    for start, stop in ((0, 1), (1, 4), (4, 6)):
        piece = tokens[:, start:stop]
        step, cache = model.module.apply(
            {"params": params, **cache}, piece, piece, decode=True, max_decode_length=9, mutable=["cache"]
        )
        found.append(step)
    np.testing.assert_allclose(jnp.concatenate(found, axis=1), whole, rtol=1e-4, atol=1e-4)


def test_batches_that_cannot_be_decoded_are_refused():
    model, params = model_and_params(False)
    with pytest.raises(UserError, match="packed batch; set pack=False"):
        model.predict_batch(params, device(pack(examples())))
    batch = rows_of(examples())
    del batch["decoder_causal_attention"]
    with pytest.raises(UserError, match="decoding needs inputs to continue"):
        model.predict_batch(params, device(batch))
    with pytest.raises(UserError, match="inputs_bidirectional_attention is set"):
        model_and_params(True)[0].score_batch(params, device(batch))
    assert np.all(np.isfinite(model.score_batch(params, device(batch))))  # a causal model needs no inputs


def test_remove_prefix_shifts_each_row_by_its_own_length():
    rows = jnp.asarray([[3, 4, 5, 6], [3, 4, 5, 6], [3, 4, 0, 0]])
    found = remove_prefix(rows, jnp.asarray([0, 3, 2]))
    np.testing.assert_array_equal(found, [[3, 4, 5, 6], [6, 0, 0, 0], [0, 0, 0, 0]])


def train(partitioner, steps: int, seeds, cfg: TransformerConfig = CONFIG, rows: int = 16):
    """Returns the losses of a few steps."""
    model = make_model(cfg, inputs_bidirectional_attention=True, loss_normalizing_factor="NUM_REAL_TARGET_TOKENS")
    shapes = {"decoder_input_tokens": (rows, LENGTH), "decoder_target_tokens": (rows, LENGTH)}
    initializer = TrainStateInitializer(model, shapes, partitioner)
    params = model.params_shapes_and_axes(model.get_initial_variables(jax.random.key(1), shapes))[0]
    state = jax.device_put(jax.device_get(fresh_state(model, params)), initializer.shardings)
    trainer = Trainer(
        model, state, partitioner, [], None, initializer.train_state_axes, jax.random.key(3), lambda _: jnp.float32(0.1)
    )
    losses = []
    batches = (rows_of(copying(rows, seed)) for seed in seeds)
    trainer.train(batches, steps, on_step=lambda step, values: losses.append(values["loss"]))
    return losses


def copying(rows: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Returns a task: say the first input token twice."""
    return [([ids[0], *ids[1:], 1], [ids[0], ids[0], 1]) for ids, _ in examples(rows, seed)]


def test_training_lowers_the_loss_of_a_toy_task():
    losses = train(one_device_partitioner(), 30, itertools.repeat(0))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.skipif(len(jax.devices()) != 8, reason="needs eight (virtual) devices")
def test_a_mesh_of_4_by_2_gives_the_losses_of_one_device():
    cfg = dataclasses.replace(CONFIG, dropout_rate=0.1)
    sharded = train(PjitPartitioner(2), 3, itertools.count(), cfg)
    np.testing.assert_allclose(sharded, train(one_device_partitioner(), 3, itertools.count(), cfg), rtol=1e-5)
