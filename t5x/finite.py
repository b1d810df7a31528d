"""Finds the arrays of a state that hold NaN or infinity, before such a state becomes a checkpoint.

The loss of a step is computed before its update, so a state can be spoilt while every loss so far was a number.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def names_not_finite(tree: Any) -> list[str]:
    """Returns the `/`-joined names of the floating arrays in nested dicts that hold anything but finite numbers."""
    leaves = {
        "/".join(str(key.key) for key in path): leaf
        for path, leaf in jax.tree.flatten_with_path(tree)[0]
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    }
    finite = jax.device_get(_all_finite(leaves))
    return [name for name in leaves if not finite[name]]


@jax.jit
def _all_finite(leaves: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return {name: jnp.isfinite(leaf).all() for name, leaf in leaves.items()}
