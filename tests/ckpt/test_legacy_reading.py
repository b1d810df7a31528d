"""T5X's older formats are read: its own files, and every form a leaf can have in them."""

from __future__ import annotations

import json
import shutil

import flax.serialization
import jax
import jax.numpy as jnp
import msgpack
import numpy as np
import pytest
import tensorstore as ts
from legacy_files import as_v3, spec_of, write_index, write_zarr
from states import assert_same, mesh_of, numpy_state, sharded_state, template_of

from t5x.ckpt import discovery, layout
from t5x.ckpt.config import RestoreCheckpointConfig
from t5x.ckpt.dataset_state import has_dataset_state, restore_dataset_state
from t5x.ckpt.legacy.tree import open_tree
from t5x.ckpt.names import flatten, unflatten
from t5x.ckpt.restore import read_tree_metadata, restore
from t5x.ckpt.save import CheckpointSaver
from t5x.ckpt.which import where_to_start
from t5x.errors import UserError

FILES = "data/t5x_checkpoints"
VALUES = np.arange(35, dtype=np.float32).reshape(7, 5)


def template_from(path):
    return unflatten({n: jax.ShapeDtypeStruct(*entry) for n, entry in read_tree_metadata(path).items()})


@pytest.mark.parametrize("name", ["t5_1_1_2layer/legacy_f32/checkpoint_7", "test_t5_1_1_tiny/checkpoint_3"])
def test_t5x_folders_are_read_as_tensorstore_reads_them(shared, name):
    path = shared / FILES / name
    index = flax.serialization.msgpack_restore((path / "checkpoint").read_bytes())["optimizer"]
    read = flatten(restore(path, template_from(path)))
    folders = [entry for entry in path.iterdir() if entry.is_dir()]
    for folder in folders:
        leaf = folder.name.replace(".", "/")
        store = ts.open({"driver": "zarr", "kvstore": {"driver": "file", "path": f"{folder}/"}}).result()
        np.testing.assert_array_equal(read[leaf], store.read().result())
    inline = {n: v for n, v in flatten(index).items() if isinstance(v, np.ndarray | np.generic)}
    for leaf, value in inline.items():
        np.testing.assert_array_equal(read[leaf], value)
    assert len(read) == len(folders) + len(inline)
    assert read["state/step"] == int(name.rpartition("_")[2])


def test_the_legacy_and_the_orbax_form_of_one_t5x_checkpoint_are_equal(shared):
    legacy = shared / FILES / "t5_1_1_2layer" / "legacy_f32" / "checkpoint_7"
    orbax = shared / FILES / "t5_1_1_2layer" / "orbax" / "checkpoint_7"
    template = template_from(orbax)
    assert read_tree_metadata(legacy) == read_tree_metadata(orbax)
    assert_same(restore(legacy, template), restore(orbax, template))


def test_the_single_file_is_read_as_flax_reads_it(shared):
    path = shared / FILES / "test_t5_tiny.checkpoint_0"
    expected = flax.serialization.msgpack_restore(path.read_bytes())["optimizer"]
    read = flatten(restore(path, template_from(path)))
    for name, value in flatten(expected).items():
        np.testing.assert_array_equal(read[name], value)
    assert read.keys() == flatten(expected).keys()
    assert read["target/token_embedder/embedding"].flags.writeable


def test_every_restore_path_leads_to_the_older_formats(shared, tmp_path):
    single = shared / FILES / "test_t5_tiny.checkpoint_0"
    config = RestoreCheckpointConfig(path=str(single), mode="specific")
    assert where_to_start(tmp_path / "new", config).path == single
    shutil.copy(single, tmp_path / "checkpoint_4")  # T5X before it had folders
    assert discovery.resolve(RestoreCheckpointConfig(path=str(tmp_path), mode="latest")) == [tmp_path / "checkpoint_4"]
    assert layout.step_in_name("run/checkpoint_12") == 12
    assert layout.step_in_name("tiny_orbax/1") == 1
    assert layout.step_in_name("model.msgpack") is None


def test_leaves_are_read_straight_into_their_shardings(tmp_path):
    mesh = mesh_of(4, 2)
    path = as_v3(tmp_path / "checkpoint_5", numpy_state(5), chunks=lambda shape: [max(n // 3, 1) for n in shape])
    read = restore(path, template_of(numpy_state(5), mesh))
    assert_same(read, sharded_state(5, mesh))
    kernel = read["target"]["encoder"]["kernel"]
    assert kernel.sharding == sharded_state(5, mesh)["target"]["encoder"]["kernel"].sharding


def test_only_parameters_are_cast(tmp_path):
    path = as_v3(tmp_path / "checkpoint_5", numpy_state(5))
    read = restore(path, template_of(numpy_state(5)), dtype="bfloat16")
    assert {leaf.dtype.name for leaf in jax.tree.leaves(read["target"])} == {"bfloat16"}
    assert {leaf.dtype.name for leaf in jax.tree.leaves(read["state"]["param_states"])} == {"float32"}


def test_renaming_and_leaving_out_work_as_for_orbax(tmp_path):
    path = as_v3(tmp_path / "checkpoint_5", numpy_state(5))
    template = template_of(numpy_state(5))
    template["target"] = {"decoder": template["target"]["encoder"]}
    read = restore(
        path,
        template,
        assignment_map=[(r"target/decoder/(.*)", r"target/encoder/\1"), (r"state/param_states.*", None)],
        fallback_to_scratch=True,
    )
    np.testing.assert_array_equal(read["target"]["decoder"]["kernel"], numpy_state(5)["target"]["encoder"]["kernel"])
    assert isinstance(read["state"]["param_states"]["encoder"]["kernel"]["v"], jax.ShapeDtypeStruct)
    with pytest.raises(UserError, match="another model"):
        restore(path, template)


SPECS = {
    "new": spec_of("target.w/", dtype="float32", shape=[7, 5], driver="file"),
    "old": spec_of("target.w", code="<f4", shape=[7, 5], driver="file"),
    "gfile": spec_of("target.w", code="<f4", shape=[7, 5], driver="gfile"),
    "gcs": spec_of("target.w", code="<f4", shape=[7, 5], driver="gcs", bucket="t5x-dummy-bucket"),
    "path at the top": {"driver": "zarr", "path": "target.w", "kvstore": {"driver": "gfile"}},
    "without metadata": {"driver": "zarr", "kvstore": {"driver": "file", "path": "target.w/"}},
    "placeholder": "PLACEHOLDER://target.w",
}


@pytest.mark.parametrize("form", SPECS)
@pytest.mark.parametrize("header", [{}, {"dimension_separator": "."}, {"compressor": None}, {"chunks": [4, 3]}])
def test_every_form_of_a_reference_is_read(tmp_path, form, header):
    path = tmp_path / "checkpoint_1"
    write_zarr(path / "target.w", VALUES, **header)
    write_index(path, {"target": {"w": SPECS[form]}, "state": {"step": np.int32(1)}})
    np.testing.assert_array_equal(restore(path, template_from(path))["target"]["w"], VALUES)


@pytest.mark.parametrize("dtype", ["float32", "int32", "bfloat16"])
def test_tensorstores_own_zarr_folders_are_read(tmp_path, dtype):
    path = tmp_path / "checkpoint_1"
    values = jnp.asarray(VALUES, dtype)
    code = {"float32": "<f4", "int32": "<i4", "bfloat16": "bfloat16"}[dtype]
    metadata = {"shape": [7, 5], "chunks": [3, 2], "dtype": code, "compressor": {"id": "gzip", "level": 1}}
    spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{path}/target.w/"}, "metadata": metadata}
    ts.open(spec, create=True).result().write(values).result()
    write_index(path, {"target": {"w": spec_of("target.w/", dtype=dtype, shape=[7, 5], driver="file")}, "state": {}})
    read = restore(path, template_from(path))["target"]["w"]
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


def test_every_form_of_an_inline_leaf_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", 16)  # cuts VALUES as Flax cuts arrays above 2**30 bytes
    tree = {
        "target": {
            "w": VALUES,
            "half": jnp.asarray(VALUES[:1, :2], jnp.bfloat16),
            "one": np.zeros((1,), np.float32),
        },
        "state": {"step": np.int32(7), "frozen": None, "count": 3, "empty": {}},
        "flax_mutables": {"mean": np.float32(0.5)},
    }
    path = tmp_path / "single.checkpoint_7"
    path.write_bytes(flax.serialization.msgpack_serialize({"version": 3, "optimizer": tree}))
    assert b"__msgpack_chunked_array__" in path.read_bytes()
    leaves = open_tree(layout.absolute(path))
    expected = {name: np.asarray(value) for name, value in flatten(tree).items()}
    assert leaves.keys() == expected.keys()
    for name, value in expected.items():
        assert leaves[name].dtype == value.dtype
        np.testing.assert_array_equal(leaves[name], value)


def test_an_early_orbax_index_is_read_wherever_it_lies(tmp_path):
    for folder in (tmp_path / "1", tmp_path / "checkpoint_2" / "state"):
        write_zarr(folder / "_optimizer.target.w", VALUES)
        tree = {
            "_optimizer": {"state": {"step": np.int32(1)}, "target": {"w": "PLACEHOLDER://_optimizer.target.w"}},
            "params_axes": {"w_axes": {"names": None}},
        }
        (folder / "checkpoint").write_bytes(flax.serialization.msgpack_serialize(tree))
    for path in (tmp_path / "1", tmp_path / "checkpoint_2"):
        read = restore(path, template_from(path))
        np.testing.assert_array_equal(read["target"]["w"], VALUES)
        assert set(read) == {"target", "state"}


def test_a_run_goes_on_saving_beside_legacy_checkpoints_and_deletes_the_oldest(tmp_path):
    as_v3(tmp_path / "checkpoint_2", numpy_state(2))
    (tmp_path / "checkpoint_1").write_bytes((tmp_path / "checkpoint_2" / "checkpoint").read_bytes())
    assert discovery.all_steps(tmp_path) == [1, 2]
    with CheckpointSaver(tmp_path, keep=2) as saver:
        saver.save(3, numpy_state(3))
    assert discovery.all_steps(tmp_path) == [2, 3]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"version": 2, "optimizer": {"target": {}}}, "has version 2 .*only version 3"),
        ({"params": {"w": 1}}, r"has version 0 \(0 is plain Flax\)"),
        ({"version": 3, "optimizer": {"state": {}}}, "holds no parameters"),
        ([1, 2], "holds no tree of arrays"),
        ({"version": 3, "optimizer": {"target": {"w": "text"}}}, "target/w: 'text' is no array"),
    ],
)
def test_what_is_no_version_3_checkpoint_is_named(tmp_path, content, message):
    path = tmp_path / "file.checkpoint_1"
    path.write_bytes(msgpack.packb(content))
    with pytest.raises(UserError, match=message):
        read_tree_metadata(path)


def test_a_header_that_differs_from_the_index_is_named(tmp_path):
    path = as_v3(tmp_path / "checkpoint_5", numpy_state(5))
    header = path / "target.encoder.scale" / ".zarray"
    header.write_text(json.dumps({**json.loads(header.read_text()), "shape": [31]}))
    with pytest.raises(UserError, match=r"1 of 7 arrays .*target/encoder/scale .*\[31\] where the index says .*\[32\]"):
        restore(path, template_of(numpy_state(5)))


def test_the_position_in_the_data_beside_legacy_arrays_is_found(tmp_path):
    class Position:
        def restore(self, path_prefix):
            self.prefix = path_prefix

    path = as_v3(tmp_path / "checkpoint_5", numpy_state(5))
    assert not has_dataset_state(path)
    (path / "train_ds-000-of-001.index").touch()
    assert has_dataset_state(path)
    position = Position()
    restore_dataset_state(path, position)
    assert position.prefix == str(path / "train_ds-000-of-001")
