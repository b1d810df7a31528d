"""A T5 small enough to compile in seconds, batches for it, and a way to run training steps without files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax.extend.core import jaxprs_in_params

from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.examples.t5.network import T5Config, Transformer
from t5x.model.encoder_decoder import EncoderDecoderModel
from t5x.shard.partitioner import PjitPartitioner
from t5x.train_state import FlaxOptimTrainState

CONFIG = T5Config(
    vocab_size=64,
    emb_dim=16,
    num_heads=2,
    num_encoder_layers=1,
    num_decoder_layers=1,
    head_dim=8,
    mlp_dim=32,
    mlp_activations=("gelu", "linear"),
    dropout_rate=0.0,
)
INPUTS, TARGETS = 10, 8  # lengths


def config(**changes: Any) -> T5Config:
    """Returns the tiny config with some sizes changed."""
    return dataclasses.replace(CONFIG, **changes)


def make_model(cfg: T5Config = CONFIG, **options: Any) -> EncoderDecoderModel:
    """Returns a model with T5X's optimizer; its vocabularies are never asked for anything."""
    optimizer = Adafactor(decay_rate=0.8, step_offset=0, logical_factor_rules=standard_logical_factor_rules())
    return EncoderDecoderModel(Transformer(cfg), None, None, optimizer, **options)


def make_batch(rows: int = 4, seed: int = 0, vocab_size: int = CONFIG.vocab_size) -> dict[str, np.ndarray]:
    """Returns random examples of different lengths, padded, each ended by id 1."""
    rng = np.random.default_rng(seed)
    inputs, targets = np.zeros((rows, INPUTS), np.int32), np.zeros((rows, TARGETS), np.int32)
    for row in range(rows):
        for tokens in (inputs[row], targets[row]):
            length = rng.integers(3, len(tokens) + 1)
            tokens[: length - 1] = rng.integers(2, vocab_size, length - 1)
            tokens[length - 1] = 1
    return with_decoder_inputs({"encoder_input_tokens": inputs, "decoder_target_tokens": targets})


def with_decoder_inputs(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Adds the targets shifted right, and loss weights."""
    targets = batch["decoder_target_tokens"]
    shifted = np.pad(targets, ((0, 0), (1, 0)))[:, :-1]
    return {**batch, "decoder_input_tokens": shifted, "decoder_loss_weights": (targets > 0).astype(np.int32)}


def pack(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns all examples of a batch packed into one row, with segment ids and positions, and two padding tokens."""
    row: dict[str, list] = {}
    for i in range(len(batch["encoder_input_tokens"])):
        for side, lengths_from in (("encoder", "encoder_input_tokens"), ("decoder", "decoder_target_tokens")):
            length = int((batch[lengths_from][i] > 0).sum())
            for name in batch:
                if name.startswith(side):
                    row.setdefault(name, []).extend(batch[name][i, :length])
            row.setdefault(f"{side}_segment_ids", []).extend([i + 1] * length)
            row.setdefault(f"{side}_positions", []).extend(range(length))
    return {name: np.asarray([[*values, 0, 0]], np.int32) for name, values in row.items()}


def init_params(model: EncoderDecoderModel, seed: int = 0) -> Any:
    """Returns parameters, drawn without compiling anything; norms' scales are off 1 so that nothing hides behind it."""
    shapes = {
        "encoder_input_tokens": (1, INPUTS),
        "decoder_input_tokens": (1, TARGETS),
        "decoder_target_tokens": (1, TARGETS),
    }
    variables = jax.eval_shape(lambda rng: model.get_initial_variables(rng, shapes), jax.random.key(0))
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        name = path[-1].key
        if name == "scale":
            value = rng.uniform(0.7, 1.3, leaf.shape)
        else:
            value = rng.normal(size=leaf.shape) * (leaf.shape[0] ** -0.5 if name == "kernel" else 1.0)
        return jnp.asarray(value, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, model.params_shapes_and_axes(variables)[0])


def fresh_state(model: EncoderDecoderModel, params: Any) -> FlaxOptimTrainState:
    """Returns the state before the first step; the optimizer knows the parameters' logical axes."""
    return FlaxOptimTrainState.create(model.optimizer_def, params)


def flat(tree: Any) -> dict[str, Any]:
    """Returns a nested dict with '/'-joined names."""
    return traverse_util.flatten_dict(tree, sep="/")


def one_device_partitioner() -> PjitPartitioner:
    """Returns a partitioner over a single device, whatever the number of devices."""
    partitioner = PjitPartitioner(num_partitions=1)
    partitioner.mesh = jax.sharding.Mesh(
        np.asarray(jax.devices()[:1]).reshape(1, 1),
        ("data", "model"),
        axis_types=(jax.sharding.AxisType.Auto,) * 2,
    )
    return partitioner


def device(batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
    """Returns the batch as jax arrays."""
    return {name: jnp.asarray(value) for name, value in batch.items()}


def equations(jaxpr: Any) -> Iterator[Any]:
    """Yields the equations of a traced program, those of its inner programs (loops, jitted functions) too."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from equations(inner)


def greatest_difference(first: Any, second: Any) -> float:
    """Returns the greatest absolute difference of two trees, relative to the greatest value of each leaf (or 1e-6)."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return max(
        float(np.max(np.abs(np.asarray(a) - np.asarray(b))) / max(1e-6, float(np.max(np.abs(np.asarray(b))))))
        for a, b in pairs
    )
