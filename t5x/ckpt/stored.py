"""The raw contents of a checkpoint's `state` folder: which arrays it lists, their shapes, their stored pieces.

Source: Orbax's `_METADATA` lists the leaves; TensorStore keeps, for a leaf `a/b/c`, the keys `a.b.c/.zarray` (JSON,
zarr version 2) and `a.b.c/<chunk>` in an OCDBT store, or as plain files where there is no OCDBT manifest.
Effects: reads files. It reads piece by piece, so an error belongs to a leaf, which Orbax's own errors do not tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import jax.numpy as jnp
import numpy as np
import tensorstore as ts
from etils import epath

from t5x.ckpt import layout

Metadata = tuple[tuple[int, ...], np.dtype]

_ARRAY_TYPES = frozenset({"jax.Array", "np.ndarray", "scalar"})  # Orbax's names; the others hold no numbers
_IN_FLIGHT = 8  # pieces read at a time; each may be as large as one shard of one array


class DamagedPieceError(Exception):
    """A stored piece that is missing or cannot be read; the message says why."""


def leaf_names(state_folder: epath.Path) -> list[str]:
    """Returns the `/`-joined names of the arrays that the checkpoint's index lists."""
    entries = json.loads((state_folder / layout.TREE_METADATA).read_text())["tree_metadata"].values()
    arrays = [entry for entry in entries if entry["value_metadata"]["value_type"] in _ARRAY_TYPES]
    return ["/".join(part["key"] for part in entry["key_metadata"]) for entry in arrays]


def open_store(state_folder: epath.Path) -> ts.KvStore:
    """Opens the key-value store below `state_folder`. Raises ValueError where its manifest is damaged."""
    folder = f"{state_folder}/"
    base = folder if "://" in folder else {"driver": "file", "path": folder}
    is_ocdbt = (state_folder / layout.OCDBT_MANIFEST).exists()
    return ts.KvStore.open({"driver": "ocdbt", "base": base} if is_ocdbt else base).result()


def keys_of(store: ts.KvStore) -> list[str]:
    """Returns all keys, sorted. Raises ValueError where the index of the store is damaged."""
    return sorted(key.decode() for key in store.list().result())


def leaf_key(name: str) -> str:
    """Returns the first part, before the `/`, of a leaf's keys."""
    return name.replace("/", ".")


def pieces(store: ts.KvStore, keys: Iterable[str]) -> Iterator[tuple[str, bytes | DamagedPieceError]]:
    """Yields each key with its stored bytes, or with what kept them from being read."""
    keys = list(keys)
    for start in range(0, len(keys), _IN_FLIGHT):
        reads = [(key, store.read(key)) for key in keys[start : start + _IN_FLIGHT]]
        for key, read in reads:
            try:
                result = read.result()
            except (OSError, ValueError) as error:
                yield key, DamagedPieceError(f"{key}: {' '.join(str(error).split())}")
                continue
            yield key, result.value if result.state == "value" else DamagedPieceError(f"{key} is missing")


def metadata_of(store: ts.KvStore, names: Iterable[str]) -> Iterator[tuple[str, Metadata | DamagedPieceError]]:
    """Yields each leaf's name with its shape and data type, or with what kept them from being read."""
    keys = {f"{leaf_key(name)}/.zarray": name for name in names}
    for key, content in pieces(store, keys):
        if isinstance(content, DamagedPieceError):
            yield keys[key], content
            continue
        try:
            header = json.loads(content)
            yield keys[key], (tuple(header["shape"]), jnp.dtype(header["dtype"]))
        except (ValueError, KeyError, TypeError) as error:
            yield keys[key], DamagedPieceError(f"{key} is not readable: {error}")
