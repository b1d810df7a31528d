"""What is saved comes back: across meshes, in other data types, in part, under other names."""

from __future__ import annotations

import json
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from states import assert_same, mesh_of, numpy_state, sharded_state, template_of

from t5x.ckpt import layout
from t5x.ckpt import save as save_room
from t5x.ckpt.names import flatten
from t5x.ckpt.restore import read_tree_metadata, restore
from t5x.ckpt.save import CheckpointSaver
from t5x.errors import UserError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    with CheckpointSaver(folder) as saver:
        saver.save(5, sharded_state(5, mesh_of(4, 2)))
    return layout.checkpoint_path(folder, 5)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (8, 1), (1, 1)])
def test_a_state_saved_on_4x2_devices_comes_back_on_other_meshes_bit_for_bit(saved, shape):
    mesh = mesh_of(*shape)
    template = template_of(numpy_state(5), mesh)
    restored = restore(saved, template)
    assert_same(restored, numpy_state(5))
    for leaf, wanted in zip(jax.tree.leaves(restored), jax.tree.leaves(template), strict=True):
        assert leaf.sharding == wanted.sharding


def test_without_a_sharding_arrays_come_back_as_numpy(saved):
    restored = restore(saved, template_of(numpy_state(5)))
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(restored))
    assert_same(restored, numpy_state(5))


def test_metadata_gives_shapes_and_types_without_reading_arrays(saved):
    metadata = read_tree_metadata(saved)
    assert metadata["target/encoder/embedding"] == ((64, 32), np.dtype("float32"))
    assert metadata["state/step"] == ((), np.dtype("int32"))
    assert set(metadata) == set(flatten(numpy_state(5)))


def test_a_template_of_the_parameters_alone_reads_nothing_else(saved, tmp_path, monkeypatch):
    asked = []
    original = save_room.ocp.PyTreeCheckpointHandler.restore
    monkeypatch.setattr(
        save_room.ocp.PyTreeCheckpointHandler,
        "restore",
        lambda self, folder, args: (asked.extend(flatten(args.item)), original(self, folder, args=args))[1],
    )
    restored = restore(saved, {"target": template_of(numpy_state(5))["target"]})
    assert_same(restored, {"target": numpy_state(5)["target"]})
    assert asked
    assert all(name.startswith("target/") for name in asked)


def test_only_parameters_are_saved_in_bfloat16(tmp_path):
    with CheckpointSaver(tmp_path, dtype="bfloat16") as saver:
        saver.save(1, jax.tree.map(jnp.asarray, numpy_state(1)))
    path = layout.checkpoint_path(tmp_path, 1)
    types = {name: dtype for name, (_, dtype) in read_tree_metadata(path).items()}
    assert types["target/encoder/kernel"] == jnp.bfloat16
    assert types["state/param_states/encoder/kernel/v"] == np.float32
    restored = restore(path, template_of(numpy_state(1)), dtype="float32")
    kernel = numpy_state(1)["target"]["encoder"]["kernel"]
    np.testing.assert_array_equal(
        restored["target"]["encoder"]["kernel"], kernel.astype(jnp.bfloat16).astype(np.float32)
    )
    np.testing.assert_array_equal(restored["state"]["param_states"]["encoder"]["kernel"]["v"], np.square(kernel))


def test_restoring_with_a_dtype_casts_parameters_and_leaves_the_optimizer_alone(saved):
    restored = restore(saved, template_of(numpy_state(5), mesh_of(4, 2)), dtype="bfloat16")
    assert restored["target"]["encoder"]["kernel"].dtype == jnp.bfloat16
    assert restored["state"]["param_states"]["encoder"]["kernel"]["v"].dtype == np.float32
    assert restored["state"]["step"].dtype == np.int32


def test_bfloat16_parameters_saved_as_float32_and_as_they_are(tmp_path):
    state = {"target": {"w": jnp.arange(8, dtype=jnp.bfloat16)}, "state": {"step": 3}}
    with CheckpointSaver(tmp_path) as saver:
        saver.save(1, state)
    with CheckpointSaver(tmp_path, dtype=None) as saver:
        saver.save(2, state)
    types = [read_tree_metadata(layout.checkpoint_path(tmp_path, step))["target/w"][1] for step in (1, 2)]
    assert types == [np.float32, jnp.bfloat16]


def test_none_leaves_and_empty_dicts_are_left_out(tmp_path):
    state = {"target": {"w": jnp.ones(3)}, "state": {"step": jnp.int32(1), "param_states": {"w": None, "none": {}}}}
    with CheckpointSaver(tmp_path) as saver:
        saver.save(1, state)
    assert set(read_tree_metadata(layout.checkpoint_path(tmp_path, 1))) == {"target/w", "state/step"}


def test_a_t5x_file_restores_with_the_parameter_sums_t5x_recorded(shared):
    folder = shared / "data" / "t5x_checkpoints" / "t5_1_1_2layer"
    path = folder / "orbax" / "checkpoint_7"
    sums = json.loads((folder / "expected.json").read_text())["param_sums"]
    template = {
        name: jax.ShapeDtypeStruct(shape, dtype)
        for name, (shape, dtype) in read_tree_metadata(path).items()
        if name.startswith("target/")
    }
    restored = flatten(restore(path, {"target": _nest(template)})["target"])
    assert set(restored) == set(sums)
    for name, (total, absolute_total) in sums.items():
        value = restored[name].astype(np.float64)
        np.testing.assert_allclose([value.sum(), np.abs(value).sum()], [total, absolute_total], rtol=1e-5, atol=1e-4)


def test_training_may_overwrite_donated_buffers_right_after_save(tmp_path):
    mesh = mesh_of(4, 2)
    state = sharded_state(9, mesh)
    update = jax.jit(lambda tree: jax.tree.map(lambda x: x * 2 + 1, tree), donate_argnums=0)
    with CheckpointSaver(tmp_path) as saver:
        for step in range(3):
            before = jax.tree.map(lambda x: np.array(x, copy=True), state)
            saver.save(step, state)
            for _ in range(20):
                state = update(state)
            jax.block_until_ready(state)
            saver.wait()
            assert_same(restore(layout.checkpoint_path(tmp_path, step), template_of(before)), before)


def test_save_returns_before_the_checkpoint_is_complete(tmp_path, monkeypatch):
    may_finish = threading.Event()
    original = save_room.write_checksums
    monkeypatch.setattr(save_room, "write_checksums", lambda folder: (may_finish.wait(60), original(folder)))
    with CheckpointSaver(tmp_path) as saver:
        assert saver.save(1, jax.tree.map(jnp.asarray, numpy_state(1)))
        saver.check()
        assert not layout.is_complete(layout.checkpoint_path(tmp_path, 1))
        may_finish.set()
        saver.wait()
        assert layout.is_complete(layout.checkpoint_path(tmp_path, 1))


def test_an_assignment_map_renames_and_leaves_out(saved):
    kernel = jax.ShapeDtypeStruct((32, 48), np.float32)
    template = {"target": {"tower": {"kernel": kernel}, "other": {"kernel": kernel}}, "state": {"fresh": kernel}}
    rules = [(r"target/(tower|other)/(.*)", r"target/encoder/\2"), (r"state/.*", None)]
    restored = restore(saved, template, assignment_map=rules, fallback_to_scratch=True)
    expected = numpy_state(5)["target"]["encoder"]["kernel"]
    np.testing.assert_array_equal(restored["target"]["tower"]["kernel"], expected)
    np.testing.assert_array_equal(restored["target"]["other"]["kernel"], expected)
    assert restored["state"]["fresh"] is kernel
    with pytest.raises(UserError, match="fallback_to_scratch"):
        restore(saved, template, assignment_map=rules)
    with pytest.raises(UserError, match=r"'target/tower' matches no leaf of the model as a whole name"):
        restore(saved, template, assignment_map=[("target/tower", None)])
    with pytest.raises(UserError, match=r"'decoder\.\*' matches no leaf"):
        restore(saved, template, assignment_map=[("decoder.*", None)])


def _nest(flat):
    from t5x.ckpt.names import unflatten

    return unflatten(flat)["target"]
