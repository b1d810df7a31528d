"""Writes a checkpoint in T5X's older format, for T5X and other programs that read only that.

Enters: a state `{target, state: {step, param_states}, [flax_mutables]}` of arrays. Leaves:
`<directory>/checkpoint_<step>/`, which `restore` reads back. Source: T5X's version 3: parameters and the unfactored
slots `v` and `m` go to zarr folders, everything else into the msgpack file; only `target` is cast; chunks of at most
64 MiB; the index is written last and the folder renamed when it is whole. Effects: writes files. For one process: it
is for handing a model on, not for saving while training.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import os
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import msgpack
import numpy as np
from etils import epath

from t5x.ckpt import layout
from t5x.ckpt.config import SAVE_DTYPES
from t5x.ckpt.failure import save_failure
from t5x.ckpt.legacy.index import VERSION
from t5x.ckpt.legacy.inline import encode
from t5x.ckpt.legacy.spec import dtype_code
from t5x.ckpt.legacy.zarr import HEADER
from t5x.ckpt.names import flatten, unflatten
from t5x.errors import UserError

_CHUNK_BYTES = 64 * 2**20  # T5X
_COMPRESSOR = {"id": "gzip", "level": 1}  # T5X
_FILLER = (1,)  # shape of the slots that T5X's Adafactor has and does not use


def save_legacy(
    directory: str | os.PathLike[str], step: int, state_tree: Mapping[str, Any], *, dtype: str | None = "float32"
) -> epath.Path:
    """Writes `state_tree` as `<directory>/checkpoint_<step>` in T5X's older format and returns that path.

    Args:
      directory: made where it does not exist.
      step: number in the checkpoint's name.
      state_tree: nested dict of arrays; None leaves are left out.
      dtype: data type of the saved parameters ('float32', 'bfloat16', None for as they are).

    Raises:
      UserError: something lies there already, the disk refuses, or several processes hold the arrays.
    """
    if dtype not in SAVE_DTYPES:
        raise UserError(f"A checkpoint cannot be saved with dtype {dtype!r}; choose one of {SAVE_DTYPES}.")
    if jax.process_count() > 1:
        raise UserError(
            f"save_legacy writes from one process, but this run has {jax.process_count()}. Save with CheckpointSaver, "
            "then restore and write that checkpoint with one process."
        )
    path = layout.checkpoint_path(directory, step)
    if path.exists():
        raise UserError(f"A checkpoint is to be written to {path}, where something lies already. Move it away first.")
    leaves = flatten(state_tree)
    partial = path.parent / f"{path.name}.tmp-{int(time.time())}"  # T5X's name for an unfinished one
    try:
        partial.mkdir(parents=True)
        _write(partial, leaves, None if dtype is None else jnp.dtype(dtype))
        partial.rename(path)
    except OSError as error:
        if partial.exists():
            partial.rmtree()
        size = sum(np.size(leaf) * np.dtype(getattr(leaf, "dtype", float)).itemsize for leaf in leaves.values())
        raise save_failure(error, path.parent, step, size) from error
    return path


def _write(folder: epath.Path, leaves: Mapping[str, Any], parameter_dtype: np.dtype | None) -> None:
    index = {}
    for name, leaf in leaves.items():
        array = np.asarray(leaf)
        if name.startswith("target/") and parameter_dtype is not None and jnp.issubdtype(array.dtype, jnp.floating):
            array = array.astype(parameter_dtype)
        index[name] = _write_zarr(folder, name, array) if _has_folder(name, array) else encode(array)
    tree = unflatten(index)
    optimizer = {part: tree[part] for part in ("state", "target") if part in tree}
    rest = {part: node for part, node in tree.items() if part not in optimizer}
    content = {"version": VERSION, "optimizer": {**optimizer, **rest}}
    (folder / layout.LEGACY_INDEX).write_bytes(msgpack.packb(content, use_bin_type=True))


def _has_folder(name: str, array: np.ndarray) -> bool:
    slot = name.rpartition("/")[2]
    return name.startswith("target/") or (slot in ("v", "m") and array.shape not in ((), _FILLER))


def _write_zarr(root: epath.Path, name: str, array: np.ndarray) -> dict[str, Any]:
    """Writes one array and returns the TensorStore spec that refers to it."""
    folder = root / name.replace("/", ".")
    folder.mkdir()
    chunks = _chunk_shape(array.shape, array.dtype.itemsize)
    header = {
        "chunks": list(chunks),
        "compressor": _COMPRESSOR,
        "dimension_separator": ".",
        "dtype": dtype_code(array.dtype),
        "fill_value": None,
        "filters": None,
        "order": "C",
        "shape": list(array.shape),
        "zarr_format": 2,
    }
    (folder / HEADER).write_text(json.dumps(header, separators=(",", ":")))
    counts = [range(size // chunk if size else 0) for size, chunk in zip(array.shape, chunks, strict=True)]
    for position in itertools.product(*counts):
        part = tuple(slice(i * chunk, (i + 1) * chunk) for i, chunk in zip(position, chunks, strict=True))
        packed = gzip.compress(array[part].tobytes(), compresslevel=_COMPRESSOR["level"], mtime=0)
        (folder / (".".join(map(str, position)) or "0")).write_bytes(packed)
    return {
        "driver": "zarr",
        "dtype": array.dtype.name,
        "kvstore": {"driver": "file", "path": f"{folder.name}/"},
        "metadata": {"chunks": list(chunks), "compressor": _COMPRESSOR, "shape": list(array.shape)},
    }


def _chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Returns the shape, its largest dimension cut to its next divisor until a chunk is small enough (T5X's rule)."""
    chunks = [max(size, 1) for size in shape]
    while math.prod(chunks) * itemsize > _CHUNK_BYTES:
        largest = max(range(len(chunks)), key=chunks.__getitem__)
        size = chunks[largest]
        chunks[largest] = next(size // n for n in range(2, size + 1) if size % n == 0)
    return tuple(chunks)
