"""Nested dicts as flat maps of `/`-joined leaf names, the way every message and every comparison speaks of a leaf.

Enters: a nested dict with string keys; anything that is no dict is a leaf, None means that the leaf is absent.
Leaves: `{"target/encoder/encoder_norm/scale": leaf}` and back. Effects: none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of a nested dict by name, in the order of the dict. Empty dicts and None have no name."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            leaves.update(flatten(value, name))
        elif value is not None:
            leaves[name] = value
    return leaves


def unflatten(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the nested dict whose leaves have these names; the inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for name, value in leaves.items():
        *parents, last = name.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree
