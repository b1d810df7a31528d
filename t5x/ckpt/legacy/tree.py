"""All leaves of a checkpoint in one of T5X's older formats, each with its shape and data type and a way to read it.

Enters: the path of the checkpoint, a folder or a single file. Leaves: arrays, whole or in the shardings asked for.
Effects: reads files: the index and every header at once, arrays when asked for; a process reads only the parts that
its devices hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from etils import epath

from t5x.ckpt import layout
from t5x.ckpt.damage import READ_ERRORS, damaged_index, damaged_leaves
from t5x.ckpt.legacy.damage import LegacyFormatError
from t5x.ckpt.legacy.index import parse_index
from t5x.ckpt.legacy.spec import Reference
from t5x.ckpt.legacy.zarr import ZarrArray, open_zarr

StoredArray = np.ndarray | ZarrArray


def open_tree(path: epath.Path) -> dict[str, StoredArray]:
    """Returns the arrays of a checkpoint by name (`target/...`, `state/...`); those in folders are not read yet.

    Raises:
      UserError: its index or a header is damaged; the message names the leaf.
    """
    index_file = layout.legacy_index(path)
    try:
        leaves = parse_index(index_file.read_bytes())
    except READ_ERRORS as error:
        raise damaged_index(path, error) from error
    found: dict[str, StoredArray] = {}
    damage = {}
    for name, leaf in leaves.items():
        try:
            found[name] = _opened(leaf, index_file.parent) if isinstance(leaf, Reference) else leaf
        except READ_ERRORS as error:
            damage[name] = str(error)
    if damage:
        raise damaged_leaves(path, damage, len(leaves))
    return found


def read_tree(
    path: epath.Path,
    stored: Mapping[str, StoredArray],
    requests: Mapping[str, tuple[jax.sharding.Sharding | None, np.dtype | None]],
) -> dict[str, Any]:
    """Returns the leaves asked for, `{name: (sharding or None for a numpy array, data type or None for as saved)}`.

    Raises:
      UserError: an array is damaged; the message names the leaf.
    """
    result, damage = {}, {}
    for name, (sharding, dtype) in requests.items():
        try:
            result[name] = _read(stored[name], sharding, dtype)
        except READ_ERRORS as error:
            if not isinstance(error, LegacyFormatError | OSError):
                raise  # not damage but, say, memory
            damage[name] = str(error)
    if damage:
        raise damaged_leaves(path, damage, len(requests))
    return result


def _opened(reference: Reference, folder: epath.Path) -> ZarrArray:
    array = open_zarr(folder / reference.folder)
    if reference.shape not in (None, array.shape) or reference.dtype not in (None, array.dtype):
        raise LegacyFormatError(
            f"{reference.folder} holds {array.dtype} {list(array.shape)} where the index says "
            f"{reference.dtype or array.dtype} {list(reference.shape or array.shape)}"
        )
    return array


def _read(stored: StoredArray, sharding: jax.sharding.Sharding | None, dtype: np.dtype | None) -> Any:
    if sharding is None:
        return _part(stored, (slice(None),) * len(stored.shape), dtype)
    parts: dict[tuple, np.ndarray] = {}  # devices that hold the same part share one read

    def part_of(index: tuple[slice, ...]) -> np.ndarray:
        key = tuple(piece.indices(size) for piece, size in zip(index, stored.shape, strict=True))
        if key not in parts:
            parts[key] = _part(stored, index, dtype)
        return parts[key]

    return jax.make_array_from_callback(stored.shape, sharding, part_of)


def _part(stored: StoredArray, index: tuple[slice, ...], dtype: np.dtype | None) -> np.ndarray:
    values = stored.read(index) if isinstance(stored, ZarrArray) else stored[index]
    # Inline arrays are views of the whole file, and read-only; a caller gets one of its own.
    return np.array(values, dtype=dtype or values.dtype)
