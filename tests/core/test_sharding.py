"""The mesh changes where arrays lie, never what is computed. On eight virtual devices."""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec
from tiny_t5 import (
    INPUTS,
    TARGETS,
    config,
    flat,
    fresh_state,
    init_params,
    make_batch,
    make_model,
    one_device_partitioner,
)

from t5x.adafactor import Adafactor, standard_logical_factor_rules
from t5x.errors import UserError
from t5x.initialize import TrainStateInitializer
from t5x.shard.axis_rules import partition_spec, standard_logical_axis_rules
from t5x.shard.partitioner import DataLayout, PjitPartitioner
from t5x.trainer import Trainer

pytestmark = pytest.mark.skipif(len(jax.devices()) != 8, reason="needs eight (virtual) devices")

ROWS = 16
MESHES = {1: "8x1", 2: "4x2", 4: "2x4", 8: "1x8"}  # num_partitions -> data x model
RULES_2D = standard_logical_axis_rules(activation_partitioning_dims=2, parameter_partitioning_dims=2)


@functools.cache
def model_and_params():
    """Returns a model whose axes eight devices divide, with dropout, and factored second moments."""
    model = make_model(config(num_heads=8, head_dim=4, dropout_rate=0.1))
    model.optimizer_def = Adafactor(
        decay_rate=0.8, step_offset=0, min_dim_size_to_factor=8, logical_factor_rules=standard_logical_factor_rules()
    )
    return model, jax.device_get(init_params(model))


def initializer_of(partitioner):
    shapes = {
        "encoder_input_tokens": (ROWS, INPUTS),
        "decoder_input_tokens": (ROWS, TARGETS),
        "decoder_target_tokens": (ROWS, TARGETS),
    }
    return TrainStateInitializer(model_and_params()[0], shapes, partitioner)


def train(partitioner, num_microbatches=None, steps=3):
    """Returns the losses of a few steps, the trainer, and the compiled step."""
    model, params = model_and_params()
    initializer = initializer_of(partitioner)
    state = jax.device_put(jax.device_get(fresh_state(model, params)), initializer.shardings)
    trainer = Trainer(
        model,
        state,
        partitioner,
        [],
        None,
        initializer.train_state_axes,
        jax.random.key(3),
        lambda step: jnp.float32(0.01),
        num_microbatches,
    )
    shapes = {name: x.shape for name, x in make_batch(ROWS).items()}
    compiled = trainer.compile_train(shapes, dict.fromkeys(shapes, jnp.int32))
    losses = []
    batches = (make_batch(ROWS, seed=i) for i in itertools.count())
    trainer.train(batches, steps, on_step=lambda step, values: losses.append(values["loss"]))
    return losses, trainer, compiled


@functools.cache
def one_device_losses(num_microbatches=None):
    return train(one_device_partitioner(), num_microbatches)[0]


@pytest.mark.parametrize("num_partitions", MESHES, ids=MESHES.values())
def test_every_mesh_gives_the_losses_of_one_device_with_the_same_dropout(num_partitions):
    losses, _, _ = train(PjitPartitioner(num_partitions))
    np.testing.assert_allclose(losses, one_device_losses(), rtol=1e-5)
    assert losses[0] != losses[-1]


def test_splitting_activations_and_parameters_twice_gives_the_same_losses():
    losses, trainer, _ = train(PjitPartitioner(2, logical_axis_rules=RULES_2D))
    np.testing.assert_allclose(losses, one_device_losses(), rtol=1e-5)
    params = flat(trainer.train_state.params)
    assert params["encoder/layers_0/mlp/wi_0/kernel"].sharding.spec == PartitionSpec("data", "model")


def test_microbatches_on_a_mesh_give_the_same_losses_and_move_no_rows():
    losses, _, compiled = train(PjitPartitioner(2), 2)
    np.testing.assert_allclose(losses, one_device_losses(2), rtol=1e-5)
    # Each device has its share of every microbatch: rows never travel between devices.
    text = compiled.as_text()
    assert "all-reduce" in text
    tokens = [line for line in text.splitlines() if "s32[" in line and "all-" in line and f",{INPUTS}]" in line]
    assert not tokens


def test_trained_parameters_and_moments_lie_where_the_rules_say():
    _, trainer, _ = train(PjitPartitioner(4), steps=1)
    params, moments = flat(trainer.train_state.params), flat(trainer.train_state.param_states)
    expected = {
        "token_embedder/embedding": ("model", None),
        "encoder/relpos_bias/rel_embedding": ("model", None),
        "encoder/layers_0/pre_mlp_layer_norm/scale": (None,),
        "encoder/layers_0/attention/query/kernel": (None, "model"),
        "encoder/layers_0/attention/out/kernel": ("model", None),
        "encoder/layers_0/mlp/wi_0/kernel": (None, "model"),
        "encoder/layers_0/mlp/wo/kernel": ("model", None),
        "decoder/layers_0/encoder_decoder_attention/value/kernel": (None, "model"),
        "decoder/logits_dense/kernel": (None, "model"),
    }
    for name, spec in expected.items():
        param = params[name]
        assert tuple(param.sharding.spec) + (None,) * (param.ndim - len(param.sharding.spec)) == spec, name
        part = [n // 4 if axis == "model" else n for n, axis in zip(param.shape, spec, strict=True)]
        assert param.addressable_shards[0].data.shape == tuple(part), name
        assert len({shard.device for shard in param.addressable_shards}) == 8
    # Of a [embed, mlp] kernel (16 x 32) rows are embed: v_row lacks the split axis, v_col has it.
    row, column = (moments[f"encoder/layers_0/mlp/wi_0/kernel/{name}"] for name in ("v_row", "v_col"))
    assert (row.shape, column.shape) == ((16,), (32,))
    assert row.addressable_shards[0].data.shape == (16,)
    assert column.addressable_shards[0].data.shape == (8,)


def test_a_state_is_drawn_into_its_shardings_and_is_the_same_on_every_mesh():
    drawn = []
    for partitioner in (PjitPartitioner(4), one_device_partitioner()):
        initializer = initializer_of(partitioner)
        state = initializer.from_scratch(jax.random.key(0))
        wanted = jax.tree.leaves(initializer.shardings)
        for leaf, where in zip(jax.tree.leaves(state), wanted, strict=True):
            assert leaf.sharding.is_equivalent_to(where, leaf.ndim)
        drawn.append(jax.device_get(state.params))
    for first, second in zip(*map(jax.tree.leaves, drawn), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-6)


def test_a_batch_is_split_over_data_and_repeated_over_model():
    batch = PjitPartitioner(2).global_batch(make_batch(ROWS))
    tokens = batch["encoder_input_tokens"]
    assert tokens.addressable_shards[0].data.shape == (ROWS // 4, INPUTS)
    starts = sorted(shard.index[0].start or 0 for shard in tokens.addressable_shards)
    assert starts == [0, 0, 4, 4, 8, 8, 12, 12]


def test_one_process_reads_the_whole_batch():
    layout = PjitPartitioner(2).get_data_layout(ROWS)
    assert layout == DataLayout(batch_size=ROWS, shard_id=0, num_shards=1, is_first_host_in_replica_set=True)


def test_a_batch_that_the_mesh_does_not_divide_is_refused_with_one_that_it_does():
    with pytest.raises(UserError, match=r"batch size 30 is not divisible by the 4 data shards .* such as 28"):
        PjitPartitioner(2).get_data_layout(30)


def test_partitions_that_do_not_divide_the_devices_are_refused_with_those_that_do():
    with pytest.raises(UserError, match=r"num_partitions is 3, .* 8 devices .* choose one of 1, 2, 4, 8\."):
        PjitPartitioner(3)
    with pytest.raises(UserError, match="needs num_partitions"):
        PjitPartitioner()
    with pytest.raises(UserError, match="a block of 2 devices; give one of them"):
        PjitPartitioner(4, model_parallel_submesh=(1, 2, 1, 1))


def test_a_submesh_counts_as_its_number_of_devices():
    assert dict(PjitPartitioner(model_parallel_submesh=(2, 2, 1, 1)).mesh.shape) == {"data": 2, "model": 4}


@pytest.mark.parametrize(
    ("dims", "parameter", "activation"),
    [
        ((1, 1), (None, "model"), ("data", None, None)),
        ((2, 1), (None, "model"), ("data", None, "model")),
        ((1, 2), ("data", "model"), ("data", None, None)),
        ((2, 2), ("data", "model"), ("data", None, "model")),
    ],
)
def test_standard_rules_split_embed_as_asked(dims, parameter, activation):
    rules = standard_logical_axis_rules(*dims)
    assert tuple(partition_spec(("embed", "mlp"), rules)) == parameter
    spec = tuple(partition_spec(("batch", "length", "embed"), rules))
    assert spec + (None,) * (3 - len(spec)) == activation


def test_an_axis_that_the_mesh_does_not_divide_stays_whole():
    rules = standard_logical_axis_rules()
    spec = partition_spec(("heads", "relpos_buckets"), rules, (6, 32), {"data": 2, "model": 4})
    assert spec == PartitionSpec(None, None)


def test_an_axis_without_a_rule_is_named_with_the_binding_that_adds_it():
    with pytest.raises(UserError, match=r"logical axis 'experts' .*additional_rules=\[\('experts', None\)\]"):
        partition_spec(("experts", "embed"), standard_logical_axis_rules())
    added = standard_logical_axis_rules(additional_rules=[("experts", "data")])
    assert partition_spec(("experts", "embed"), added) == PartitionSpec("data", None)
