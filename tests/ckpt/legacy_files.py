"""Writes checkpoints in T5X's older formats for the tests, without the code under test."""

from __future__ import annotations

import gzip
import itertools
import json
import pathlib
from typing import Any

import flax.serialization
import numpy as np

from t5x.ckpt.names import flatten, unflatten


def spec_of(path: str, *, driver: str, shape: list[int], dtype: str = "", code: str = "", **store: Any) -> dict:
    """A TensorStore spec as T5X writes it: new with `dtype`, old with `code`."""
    metadata = {"chunks": shape, "compressor": {"id": "gzip", "level": 1}, "shape": shape}
    spec = {"driver": "zarr", "kvstore": {"driver": driver, "path": path, **store}, "metadata": metadata}
    return {**spec, "dtype": dtype} if dtype else {**spec, "metadata": {**metadata, "dtype": code}}


def write_zarr(folder: pathlib.Path, values: np.ndarray, **changes: Any) -> None:
    """Writes a zarr folder; `changes` replace entries of its header."""
    folder.mkdir(parents=True)
    header = {
        "chunks": list(values.shape),
        "compressor": {"id": "gzip", "level": 1},
        "dtype": values.dtype.newbyteorder("<").str,
        "fill_value": None,
        "filters": None,
        "order": "C",
        "shape": list(values.shape),
        "zarr_format": 2,
        **changes,
    }
    (folder / ".zarray").write_text(json.dumps(header))
    chunks = header["chunks"]
    for position in itertools.product(*[range(-(-n // c)) for n, c in zip(values.shape, chunks, strict=True)]):
        chunk = np.zeros(chunks, values.dtype)  # chunks at the edge are stored whole
        part = values[tuple(slice(i * c, (i + 1) * c) for i, c in zip(position, chunks, strict=True))]
        chunk[tuple(slice(n) for n in part.shape)] = part
        content = chunk.tobytes() if header["compressor"] is None else gzip.compress(chunk.tobytes(), 1)
        (folder / (".".join(map(str, position)) or "0")).write_bytes(content)


def write_index(path: pathlib.Path, optimizer: dict[str, Any]) -> None:
    """Writes the msgpack file with Flax, as T5X does."""
    content = {"version": 3, "optimizer": optimizer}
    (path / "checkpoint").write_bytes(flax.serialization.msgpack_serialize(content))


def as_v3(path: pathlib.Path, state: dict[str, Any], chunks: Any = list) -> pathlib.Path:
    """Writes a state as T5X does, parameters and `v` in zarr folders; returns `path`."""
    path.mkdir(parents=True)
    index = {}
    for name, value in flatten(state).items():
        array = np.asarray(value)
        index[name] = array
        if array.ndim:
            folder = name.replace("/", ".")
            write_zarr(path / folder, array, chunks=chunks(array.shape))
            index[name] = spec_of(f"{folder}/", driver="file", shape=list(array.shape), dtype=array.dtype.name)
    write_index(path, unflatten(index))
    return path
