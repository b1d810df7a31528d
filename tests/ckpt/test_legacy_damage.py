"""Damaged and hostile files in T5X's older formats: a UserError, no code run, no memory taken for what they claim."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
import random
import resource
import tracemalloc

import flax.serialization
import jax
import msgpack
import numpy as np
import pytest
from legacy_files import as_v3, spec_of, write_index, write_zarr
from states import assert_same, numpy_state, template_of

from t5x.ckpt.names import unflatten
from t5x.ckpt.restore import read_tree_metadata, restore
from t5x.errors import UserError

VALUES = np.arange(35, dtype=np.float32).reshape(7, 5)
SMALL = {"kernel": (6, 4), "scale": (4,)}
MEMORY = 16 * 2**20  # bytes; the files of these tests have a few hundred
FEW, MANY = 400, 10_000


@pytest.fixture
def state():
    return numpy_state(5, SMALL)


@pytest.fixture
def v3(tmp_path, state):
    return as_v3(tmp_path / "checkpoint_5", state, chunks=lambda shape: [-(-n // 2) for n in shape])


@pytest.fixture
def one_array(tmp_path):
    path = tmp_path / "checkpoint_1"
    write_zarr(path / "target.w", VALUES, chunks=[4, 5])
    write_index(path, {"target": {"w": "PLACEHOLDER://target.w"}, "state": {}})
    return path


def _restore_all(path):
    """What a converter does: it believes the shapes in the checkpoint."""
    return restore(path, unflatten({n: jax.ShapeDtypeStruct(*e) for n, e in read_tree_metadata(path).items()}))


def _peak_of(action):
    tracemalloc.start()
    try:
        action()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    "header",
    [
        {"shape": [2**40, 2**40]},
        {"shape": [10**30]},
        {"shape": [-1, 5]},
        {"shape": [7.0, 5]},
        {"shape": [7] * 50},
        {"shape": [2**20, 2**20], "chunks": [2**19, 2**20]},
        {"chunks": [2**40, 2**40]},
        {"chunks": [0, 5]},
        {"chunks": [4]},
        {"chunks": [1, 1]},
        {"dtype": "|O"},
        {"dtype": "<f8"},
        {"dtype": [["a", "<f4"]]},
        {"compressor": {"id": "blosc"}},
        {"compressor": "gzip"},
        {"zarr_format": 3},
        {"order": "F"},
        {"filters": [{"id": "delta"}]},
        {"dimension_separator": "../"},
    ],
    ids=str,
)
def test_a_lying_header_is_refused_and_takes_no_memory(one_array, header):
    file = one_array / "target.w" / ".zarray"
    file.write_text(json.dumps({**json.loads(file.read_text()), **header}))

    def read():
        with pytest.raises(UserError, match=r"checkpoint_1 is damaged: 1 of 1 arrays .*target/w"):
            _restore_all(one_array)

    assert _peak_of(read) < MEMORY


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "empty", "longer", "bomb"])
def test_a_damaged_chunk_names_the_leaf(one_array, damage):
    file = one_array / "target.w" / "1.0"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    changed = {
        "truncated": file.read_bytes()[:-12],
        "flipped": bytes(content),
        "empty": b"",
        "longer": gzip.compress(bytes(84)),
        "bomb": gzip.compress(bytes(2**26)),
    }
    file.unlink() if damage == "missing" else file.write_bytes(changed[damage])

    def read():
        with pytest.raises(UserError, match=r"checkpoint_1 is damaged: 1 of 1 arrays .*target/w"):
            _restore_all(one_array)

    assert _peak_of(read) < MEMORY


def test_a_missing_folder_names_the_leaf(v3, state):
    (v3 / "target.encoder.scale").rename(v3 / "elsewhere")
    with pytest.raises(
        UserError, match=r"1 of 5 arrays .*target/encoder/scale .*folder target\.encoder\.scale is miss"
    ):
        restore(v3, template_of(state))


@pytest.mark.parametrize("path", ["../secret", "/secret", "a/../../secret", ".", "", "gs://secret", "..", "a\0b", 7])
def test_a_path_that_leaves_the_checkpoint_is_refused(tmp_path, path):
    write_zarr(tmp_path / "secret", VALUES)
    checkpoint = tmp_path / "checkpoint_1"
    checkpoint.mkdir()
    absolute = str(tmp_path / "secret") if path == "/secret" else path
    write_index(checkpoint, {"target": {"w": {"driver": "zarr", "kvstore": {"driver": "file", "path": absolute}}}})
    with pytest.raises(UserError, match=r"target/w: the path .* is not a folder inside the checkpoint"):
        _restore_all(checkpoint)


@pytest.mark.parametrize(
    "spec",
    [
        {"driver": "n5", "kvstore": {"driver": "file", "path": "target.w"}},
        {"driver": "zarr", "kvstore": {"driver": "http", "base_url": "http://example.org", "path": "target.w"}},
        {"driver": "zarr", "kvstore": "file:///etc"},
        spec_of("target.w", driver="file", shape=[7, 6], code="<f4"),
        spec_of("target.w", driver="file", shape=[7, 5], code="<i4"),
    ],
)
def test_a_reference_of_another_kind_is_refused(one_array, spec):
    write_index(one_array, {"target": {"w": spec}})
    with pytest.raises(UserError, match=r"checkpoint_1 is damaged: .*target/w"):
        _restore_all(one_array)


def _inline(shape, dtype="float32", data=b"\0" * 4):
    return msgpack.ExtType(1, msgpack.packb([shape, dtype, data]))


@pytest.mark.parametrize(
    "leaf",
    [
        _inline([2**30]),
        _inline([2**62, 2**62]),
        _inline([-1]),
        _inline([1], "object"),
        _inline([1], "O"),
        _inline([2, 2]),
        _inline([0, 2**63], data=b""),
        msgpack.ExtType(1, b"\xdd\xff\xff\xff\xff"),
        msgpack.ExtType(9, b"\0"),
        msgpack.ExtType(1, b""),
        {"__msgpack_chunked_array__": True, "shape": {"0": 2**40}, "chunks": {"0": _inline([1])}},
        {"__msgpack_chunked_array__": True, "shape": {"1": 1}, "chunks": {"0": _inline([1])}},
        {"__msgpack_chunked_array__": True},
    ],
    ids=range(13),
)
def test_a_lying_inline_array_is_refused_and_takes_no_memory(tmp_path, leaf):
    path = tmp_path / "file.checkpoint_1"
    path.write_bytes(msgpack.packb({"version": 3, "optimizer": {"target": {"w": leaf}}}))

    def read():
        with pytest.raises(UserError, match="is damaged: the index"):
            _restore_all(path)

    assert _peak_of(read) < MEMORY


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        b"\x91" * 100_000,  # lists in lists
        b"\x81\xa1a" * 100_000,  # maps in maps
        b"\xdd\x00\x01\x00\x00" * 10_000,  # every list claims 65,536 items, which Python would make room for
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        msgpack.packb({"version": 3}) + b"more",
        msgpack.packb({b"\xff": 1}),
        msgpack.packb({"version": 3, "optimizer": {"target": {"": 1}}}),
    ],
    ids=range(10),
)
def test_bytes_that_are_no_index_are_refused_and_take_no_memory(tmp_path, content):
    path = tmp_path / "checkpoint_1"
    path.write_bytes(content)

    def read():
        with pytest.raises(UserError, match="is damaged: the index"):
            _restore_all(path)

    assert _peak_of(read) < MEMORY


def test_a_truncated_index_is_refused_at_every_length(v3, state):
    file = v3 / "checkpoint"
    content = file.read_bytes()
    for length in range(0, len(content), 17):
        file.write_bytes(content[:length])
        with pytest.raises(UserError, match="checkpoint_5 is damaged: the index"):
            restore(v3, template_of(state))
    file.write_bytes(content)
    assert_same(restore(v3, template_of(state)), state)


def _mutated(content: bytes, rng: random.Random) -> bytes:
    """Changes, cuts, repeats or inserts a few bytes; digits and lengths are hit by design of the values."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            changed[at : at + 1] = bytes([rng.choice([0, 1, 0x7F, 0x80, 0xC6, 0xDD, 0xDF, 0xFF, rng.randrange(256)])])
        elif kind == 1:
            changed[at:at] = rng.choice([b"9" * rng.randint(1, 30), b"\xff" * 4, b"-", b"[" * 50, b"../", b"null"])
        elif kind == 2:
            del changed[at : at + rng.randint(1, 8)]
        elif kind == 3:
            changed[at:at] = changed[at : at + rng.randint(1, 20)]
        else:
            changed[at : at + 4] = rng.randbytes(4)
    return bytes(changed)


@pytest.mark.parametrize("rounds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_mutated_files_are_read_or_refused_and_never_take_memory(tmp_path, state, rounds):
    """The limit on the address space holds for what C code takes too; tracemalloc does not see all of that."""
    v3 = as_v3(tmp_path / "checkpoint_5", state, chunks=lambda shape: [-(-n // 2) for n in shape])
    single = tmp_path / "single.checkpoint_5"
    single.write_bytes(flax.serialization.msgpack_serialize({"version": 3, "optimizer": state}))
    targets = [(v3, v3 / "checkpoint"), (single, single)]
    targets += [(v3, v3 / folder / name) for folder in ("target.encoder.kernel",) for name in (".zarray", "0.0")]
    originals = {file: file.read_bytes() for _, file in targets}
    rng = random.Random(0)
    taken = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    refused = 0
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, hard))
    try:
        for number in range(rounds):
            path, file = targets[number % len(targets)]
            file.write_bytes(_mutated(originals[file], rng))
            try:
                leaves = jax.tree.leaves(_restore_all(path))
                assert sum(leaf.nbytes for leaf in leaves) < 2**20
            except UserError as error:
                refused += 1
                assert "checkpoint_5" in str(error)  # noqa: PT017
            file.write_bytes(originals[file])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert refused > rounds / 2
    assert_same(restore(v3, template_of(state)), state)


def test_pickled_objects_are_never_loaded(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.asarray([object()], dtype=object), allow_pickle=True)
    path = tmp_path / "checkpoint_1"
    for content in (
        buffer.getvalue(),
        msgpack.packb({"version": 3, "optimizer": {"target": {"w": buffer.getvalue()}}}),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is damaged: the index"):
            _restore_all(path)
