"""What is written in T5X's older format is read back equal, here and by the libraries that T5X reads with."""

from __future__ import annotations

import os
import resource

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorstore as ts
from states import assert_same, mesh_of, numpy_state, sharded_state, template_of

from t5x.ckpt import discovery
from t5x.ckpt.legacy import write
from t5x.ckpt.legacy.write import save_legacy
from t5x.ckpt.names import flatten, unflatten
from t5x.ckpt.restore import read_tree_metadata, restore
from t5x.errors import UserError

FILES = "data/t5x_checkpoints"


def template_from(path):
    return unflatten({n: jax.ShapeDtypeStruct(*entry) for n, entry in read_tree_metadata(path).items()})


@pytest.mark.parametrize(
    "name",
    [
        "t5_1_1_2layer/orbax/checkpoint_7",
        "t5_1_1_2layer/legacy_f32/checkpoint_7",
        "test_t5_1_1_tiny/checkpoint_3",
        "test_t5_tiny.checkpoint_0",
    ],
)
def test_every_real_checkpoint_comes_back_equal(shared, tmp_path, name):
    state = restore(shared / FILES / name, template_from(shared / FILES / name))
    path = save_legacy(tmp_path, int(name.rpartition("_")[2]), state)
    assert discovery.all_steps(tmp_path) == [int(name.rpartition("_")[2])]
    assert os.listdir(tmp_path) == [path.name]
    assert_same(restore(path, template_from(path)), restore(path, template_of(state)))
    assert_same(restore(path, template_of(state)), state)


def test_the_index_and_the_folders_are_those_that_t5x_writes(shared, tmp_path):
    theirs = shared / FILES / "t5_1_1_2layer" / "legacy_f32" / "checkpoint_7"
    ours = save_legacy(tmp_path, 7, restore(theirs, template_from(theirs)))
    assert sorted(os.listdir(ours)) == sorted(os.listdir(theirs))
    index, expected = (flax.serialization.msgpack_restore((p / "checkpoint").read_bytes()) for p in (ours, theirs))
    assert flatten(index).keys() == flatten(expected).keys()
    jax.tree.map(np.testing.assert_array_equal, index, expected)
    for folder in ("target.decoder.logits_dense.kernel", "state.param_states.token_embedder.embedding.v"):
        assert (ours / folder / ".zarray").read_text() == (theirs / folder / ".zarray").read_text()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", None])
def test_tensorstore_reads_what_is_written_and_only_parameters_are_cast(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(write, "_CHUNK_BYTES", 512)
    state = numpy_state(4)
    path = save_legacy(tmp_path, 4, jax.tree.map(jnp.asarray, state), dtype=dtype)
    assert len(os.listdir(path / "target.encoder.embedding")) >= 9
    for name, value in flatten(state).items():
        if name == "state/step":
            continue
        spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{path / name.replace('/', '.')}/"}}
        read = ts.open(spec).result().read().result()
        expected = value.astype(jnp.dtype(dtype)) if dtype and name.startswith("target/") else value
        assert read.dtype == expected.dtype
        np.testing.assert_array_equal(read, expected)
    expected = jax.tree.map(lambda leaf: leaf.astype(jnp.dtype(dtype)) if dtype else leaf, state["target"])
    assert_same(restore(path, template_of(state)), {**state, "target": expected})


def test_sharded_arrays_scalars_empty_arrays_and_absent_leaves_are_written(tmp_path):
    state = sharded_state(2, mesh_of(4, 2))
    expected = numpy_state(2)
    for tree in (state, expected):
        tree["target"]["gain"] = np.float32(3)
        tree["target"]["none"] = np.zeros((0, 4), np.float32)
        tree["flax_mutables"] = {"mean": np.ones(3, np.float32)}
    path = save_legacy(tmp_path, 2, {**state, "absent": None})
    assert_same(restore(path, template_of(expected)), expected)


def test_nothing_is_overwritten(tmp_path):
    path = save_legacy(tmp_path, 2, numpy_state(2))
    with pytest.raises(UserError, match="something lies already"):
        save_legacy(tmp_path, 2, numpy_state(3))
    assert_same(restore(path, template_of(numpy_state(2))), numpy_state(2))


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**12, hard))
    try:
        with pytest.raises(UserError, match=r"step 2 could not be written .*full"):
            save_legacy(tmp_path, 2, numpy_state(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not os.listdir(tmp_path)


def test_an_unknown_data_type_is_named(tmp_path):
    with pytest.raises(UserError, match="float8"):
        save_legacy(tmp_path, 2, numpy_state(2), dtype="float8")
