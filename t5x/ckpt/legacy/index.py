"""Reads the msgpack file of T5X's older formats into leaves by name.

Enters: the file's bytes. Leaves: `{"target/encoder/encoder_norm/scale": numpy array or Reference}` in the layout of
today, that is without the wrapper `{version, optimizer}`. Source: T5X's version 3; versions 1 and 2 and files of plain
Flax are refused, as T5X does. An early Orbax index has the tree under `_optimizer` and no version.
Effects: none. Parsing builds numbers, strings, lists and arrays only.
"""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np

from t5x.ckpt.legacy.damage import LegacyFormatError
from t5x.ckpt.legacy.inline import CHUNKED, MAX_RANK, decode, join_chunks
from t5x.ckpt.legacy.spec import PLACEHOLDER, Reference, is_spec, parse_placeholder, parse_spec

Leaf = np.ndarray | Reference

VERSION = 3  # T5X
_PARTS = ("target", "state")  # T5X
_EXTRA = "flax_mutables"  # T5X
_MAX_DEPTH = 64  # of nested modules; a tree of T5X has 10 levels


def parse_index(content: bytes) -> dict[str, Leaf]:
    """Returns the leaves of a checkpoint's msgpack file, in its order; nil leaves are absent.

    Raises:
      LegacyFormatError: it is damaged, or no checkpoint of T5X version 3.
    """
    try:
        # The lengths in the file are bounded by its size; lists are bounded further, since they are allocated unread.
        root = msgpack.unpackb(content, raw=False, ext_hook=decode, max_array_len=MAX_RANK)
    except LegacyFormatError:
        raise
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise LegacyFormatError(f"not readable as msgpack: {str(error)[:120] or type(error).__name__}") from error
    tree = _without_wrapper(root)
    leaves: dict[str, Leaf] = {}
    for part, node in tree.items():
        _collect(node, part, 1, leaves)
    return leaves


def _without_wrapper(root: Any) -> dict[str, Any]:
    if not isinstance(root, dict):
        raise LegacyFormatError("the file holds no tree of arrays")
    is_early_orbax = "version" not in root and isinstance(root.get("_optimizer"), dict)
    version = root.get("version", 0)
    if not is_early_orbax and (type(version) is not int or version != VERSION):
        raise LegacyFormatError(
            f"it has version {str(version)[:20]} (0 is plain Flax) and only version {VERSION} can be read; load it in "
            "the T5X that wrote it and save it again"
        )
    optimizer = root.get("_optimizer" if is_early_orbax else "optimizer")
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("target"), dict):
        raise LegacyFormatError("the file holds no parameters (`optimizer/target`)")
    tree = {part: optimizer[part] for part in _PARTS if part in optimizer}
    mutables = optimizer.get(_EXTRA) or root.get(_EXTRA)
    return {**tree, _EXTRA: mutables} if mutables else tree


def _collect(node: Any, name: str, depth: int, leaves: dict[str, Leaf]) -> None:
    if depth > _MAX_DEPTH:
        raise LegacyFormatError(f"the tree is nested more than {_MAX_DEPTH} deep")
    if node is None:
        return
    if isinstance(node, dict) and CHUNKED not in node and not is_spec(node):
        for key, child in node.items():
            if not isinstance(key, str) or not key:
                raise LegacyFormatError(f"a part of {name[:80]} has a name that is no text")
            _collect(child, f"{name}/{key}", depth + 1, leaves)
        return
    try:
        leaves[name] = _leaf(node)
    except LegacyFormatError as error:
        raise LegacyFormatError(f"{name[:200]}: {error}") from error


def _leaf(node: Any) -> Leaf:
    if isinstance(node, np.ndarray):
        return node
    if isinstance(node, dict):
        return join_chunks(node) if CHUNKED in node else parse_spec(node)
    if isinstance(node, str) and node.startswith(PLACEHOLDER):
        return parse_placeholder(node)
    if isinstance(node, bool | float):
        return np.asarray(node)
    if isinstance(node, int) and -(2**63) <= node < 2**63:
        return np.asarray(node)
    raise LegacyFormatError(f"{str(node)[:40]!r} is no array")
