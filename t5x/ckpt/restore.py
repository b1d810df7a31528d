"""Reads checkpoints straight into the shardings they are needed in.

Enters: the path of a complete checkpoint and a template, a nested dict of `jax.ShapeDtypeStruct` in the layout
`{target, state: {step, param_states}, [flax_mutables]}`. Leaves: the same dict with arrays. Reads T5X's own Orbax
files and, through `legacy`, its older formats. Effects: reads files; with several processes every one of them calls it
and reads its own part.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from t5x.ckpt import assignment, discovery, layout, orbax_log, stored
from t5x.ckpt.damage import READ_ERRORS, damaged_index, damaged_leaves, find_unreadable
from t5x.ckpt.integrity import find_damaged
from t5x.ckpt.legacy.tree import StoredArray, open_tree, read_tree
from t5x.ckpt.mismatch import require_same_model
from t5x.ckpt.names import flatten, unflatten
from t5x.errors import UserError


def read_tree_metadata(path: str | os.PathLike[str]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Returns shape and data type of every array in a checkpoint, by name, without reading the arrays.

    Raises:
      UserError: there is no complete checkpoint at `path`, or it is damaged.
    """
    path = _open(path)
    if layout.format_of(path) in layout.LEGACY:
        return _metadata_of(open_tree(path))
    return _orbax_metadata(path)


def _metadata_of(stored_arrays: Mapping[str, StoredArray]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {name: (array.shape, array.dtype) for name, array in stored_arrays.items()}


def _orbax_metadata(path: epath.Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    state = path / layout.STATE_ITEM
    try:
        found = dict(stored.metadata_of(stored.open_store(state), stored.leaf_names(state)))
    except READ_ERRORS as error:
        raise damaged_index(path, error) from error
    damage = {name: str(value) for name, value in found.items() if isinstance(value, stored.DamagedPieceError)}
    if damage:
        raise damaged_leaves(path, damage, len(found))
    return found


def restore(
    path: str | os.PathLike[str],
    template: Mapping[str, Any],
    *,
    dtype: str | None = None,
    assignment_map: Sequence[tuple[str, str | None]] | None = None,
    fallback_to_scratch: bool = False,
) -> dict[str, Any]:
    """Returns the arrays of a checkpoint in the shape of `template`.

    A part of the checkpoint that the template has not at its top level (such as the optimizer state) is not read.

    Args:
      path: a complete checkpoint.
      template: nested dict of `jax.ShapeDtypeStruct`; an array comes back in its leaf's `sharding`, or as a numpy
        array where that is None. The template's data types are not used.
      dtype: data type for the floating leaves under `target`; None for as saved.
      assignment_map: names in the checkpoint for names in the model, see `RestoreCheckpointConfig`.
      fallback_to_scratch: leaves that are left out or absent come back as the template's ShapeDtypeStruct, for the
        caller to fill; without it they are an error.

    Raises:
      UserError: no complete checkpoint there, another model's, or a damaged one (the message names the leaf).
    """
    path = _open(path)
    wanted = flatten(template)
    sources = assignment.sources(wanted, assignment_map)
    legacy = open_tree(path) if layout.format_of(path) in layout.LEGACY else None
    metadata = _orbax_metadata(path) if legacy is None else _metadata_of(legacy)
    require_same_model(
        path,
        {name: tuple(leaf.shape) for name, leaf in wanted.items()},
        {name: shape for name, (shape, _) in metadata.items()},
        sources,
        may_lack=fallback_to_scratch,
    )
    reads = {name: source for name, source in sources.items() if source in metadata}
    left_out = [name for name in wanted if name not in reads]
    if left_out and not fallback_to_scratch:
        raise UserError(
            f"assignment_map leaves {len(left_out)} leaves of the model without a value "
            f"({', '.join(left_out[:3])}). Set RestoreCheckpointConfig.fallback_to_scratch to True to give them "
            "their initial values."
        )
    cast = None if dtype is None else jnp.dtype(dtype)
    if legacy is None:
        arrays = _orbax_arrays(path, reads, wanted, metadata, cast)
    else:
        arrays = _legacy_arrays(path, reads, wanted, legacy, cast)
    return unflatten({name: arrays.get(name, leaf) for name, leaf in wanted.items()})


def _legacy_arrays(
    path: epath.Path,
    reads: Mapping[str, str],
    wanted: Mapping[str, jax.ShapeDtypeStruct],
    legacy: Mapping[str, StoredArray],
    cast: np.dtype | None,
) -> dict[str, Any]:
    requests = {
        name: (wanted[name].sharding, _cast_of(name, legacy[source].dtype, cast)) for name, source in reads.items()
    }
    return read_tree(path, {name: legacy[source] for name, source in reads.items()}, requests)


def _cast_of(name: str, saved: np.dtype, cast: np.dtype | None) -> np.dtype | None:
    return cast if name.startswith("target/") and jnp.issubdtype(saved, jnp.floating) else None


def _orbax_arrays(
    path: epath.Path,
    reads: Mapping[str, str],
    wanted: Mapping[str, jax.ShapeDtypeStruct],
    metadata: Mapping[str, tuple[tuple[int, ...], np.dtype]],
    cast: np.dtype | None,
) -> dict[str, Any]:
    _require_undamaged(path, set(reads.values()))
    arrays = {}
    for batch in _without_repeats(reads):
        requests = {
            source: _request(wanted[name].sharding, _cast_of(name, metadata[source][1], cast))
            for name, source in batch.items()
        }
        read = _read(path, requests)
        arrays.update({name: read[source] for name, source in batch.items()})
    return arrays


def _open(path: str | os.PathLike[str]) -> epath.Path:
    orbax_log.quiet()
    path = layout.absolute(path)
    discovery.require_readable(path)
    return path


def _request(sharding: jax.sharding.Sharding | None, dtype: np.dtype | None) -> ocp.RestoreArgs:
    if sharding is None:
        return ocp.RestoreArgs(restore_type=np.ndarray, dtype=dtype)
    return ocp.ArrayRestoreArgs(sharding=sharding, dtype=dtype)


def _without_repeats(reads: Mapping[str, str]) -> list[dict[str, str]]:
    """Splits a map so that no part reads a leaf of the checkpoint twice (two leaves of the model may share one)."""
    batches: list[dict[str, str]] = []
    for name, source in reads.items():
        batch = next((batch for batch in batches if source not in batch.values()), None)
        if batch is None:
            batches.append(batch := {})
        batch[name] = source
    return batches


def _require_undamaged(path: epath.Path, names: Collection[str]) -> None:
    try:
        shard = (jax.process_index(), jax.process_count())
        damage = find_damaged(path / layout.STATE_ITEM, names, shard)
    except READ_ERRORS as error:
        raise damaged_index(path, error) from error
    if damage:
        raise damaged_leaves(path, damage, len(names))


def _read(path: epath.Path, requests: Mapping[str, ocp.RestoreArgs]) -> dict[str, Any]:
    try:
        return _read_unchecked(path, requests)
    except READ_ERRORS as error:
        damage = find_unreadable(requests, lambda name: _read_one(path, name))
        if not damage:
            raise  # not damage but, say, memory
        raise damaged_leaves(path, damage, len(requests)) from error


def _read_one(path: epath.Path, name: str) -> None:
    _read_unchecked(path, {name: ocp.RestoreArgs(restore_type=np.ndarray)})


def _read_unchecked(path: epath.Path, requests: Mapping[str, ocp.RestoreArgs]) -> dict[str, Any]:
    item = unflatten({name: jax.ShapeDtypeStruct((), np.float32) for name in requests})
    args = ocp.args.PyTreeRestore(item=item, restore_args=unflatten(requests), partial_restore=True)
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        return flatten(reader.restore(path / layout.STATE_ITEM, args=args))
