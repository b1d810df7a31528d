"""References from the msgpack index to zarr folders beside it, in every form that T5X has written.

Enters: a TensorStore spec (a dict) or an early Orbax placeholder (a string). Leaves: the folder's name and what the
reference says of shape and data type. Source: the driver of the key-value store is `file`, `gfile` or `gcs`; its path
is relative and may end in `/`; TensorStore before 0.1.14 had the path at the top level; the data type is at the top
level (new, `float32`) or in the metadata (old, `<f4`). Bucket, chunks and compressor in a spec are not used: they say
where and how it was written once, and the folder says how it is. Effects: none.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from t5x.ckpt.legacy.damage import LegacyFormatError
from t5x.ckpt.legacy.inline import DTYPES, checked_dtype, checked_shape

PLACEHOLDER = "PLACEHOLDER://"  # early Orbax
_STORES = ("file", "gfile", "gcs")  # T5X


@dataclasses.dataclass(frozen=True)
class Reference:
    """A zarr folder below the checkpoint's, and what the index says of its array (None where it says nothing)."""

    folder: str
    shape: tuple[int, ...] | None = None
    dtype: np.dtype | None = None


def is_spec(node: dict[str, Any]) -> bool:
    """Says whether a dict of the index is a reference and not a part of the tree."""
    return isinstance(node.get("driver"), str)


def parse_spec(node: dict[str, Any]) -> Reference:
    """Returns what a TensorStore spec refers to.

    Raises:
      LegacyFormatError: it is no zarr array in a folder of the checkpoint.
    """
    store = node.get("kvstore") or {}
    metadata = node.get("metadata") or {}
    if not isinstance(store, dict) or not isinstance(metadata, dict):
        raise LegacyFormatError("a TensorStore spec without key-value store or metadata")
    if node["driver"] != "zarr" or store.get("driver", "file") not in _STORES:
        drivers = f"{str(node['driver'])[:20]!r} in {str(store.get('driver'))[:20]!r}"
        raise LegacyFormatError(f"a TensorStore spec for {drivers}, where 'zarr' in one of {_STORES} is expected")
    shape = None if metadata.get("shape") is None else checked_shape(metadata["shape"])
    dtype = node.get("dtype") or metadata.get("dtype")
    folder = checked_folder(store.get("path", node.get("path")))
    return Reference(folder, shape, None if dtype is None else parse_dtype(dtype))


def parse_placeholder(text: str) -> Reference:
    """Returns what an early Orbax placeholder refers to. Raises LegacyFormatError where that is no folder."""
    return Reference(checked_folder(text.removeprefix(PLACEHOLDER)))


def checked_folder(path: Any) -> str:
    """Returns a relative path without its last `/`. Raises LegacyFormatError where it could leave the checkpoint."""
    parts = path.removesuffix("/").split("/") if isinstance(path, str) else []
    forbidden = ("\\", "\0", ":")
    if not parts or any(part in ("", ".", "..") for part in parts) or any(mark in path for mark in forbidden):
        raise LegacyFormatError(f"the path {str(path)[:80]!r} is not a folder inside the checkpoint")
    return "/".join(parts)


def parse_dtype(name: Any) -> np.dtype:
    """Returns a data type named as zarr does (`<f4`, and TensorStore's `bfloat16`) or as numpy does."""
    by_code = {dtype.newbyteorder("<").str: dtype for dtype in DTYPES.values() if dtype.name != "bfloat16"}
    return by_code[name] if isinstance(name, str) and name in by_code else checked_dtype(name)


def dtype_code(dtype: np.dtype) -> str:
    """Returns the name of a data type in a zarr header."""
    return dtype.name if dtype.name == "bfloat16" else dtype.newbyteorder("<").str
