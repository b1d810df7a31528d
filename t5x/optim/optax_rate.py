"""The learning rate that an optax optimizer uses, which optax itself does not tell.

An optimizer is a chain in which `optax.scale` and `optax.scale_by_schedule` multiply the update by numbers; the
product of all of them is the negative rate. They keep these numbers in closures, and here they are read from there.
Source: the structure of optax 0.2; a test holds it against the updates themselves.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

UNKNOWN = math.nan


def rate_in_use(transformation: optax.GradientTransformation, state: Mapping[str, Any]) -> jax.Array:
    """Returns the rate of the next update, a float32 scalar.

    NaN where it is not one number, as in `optax.multi_transform`, or is not to be found.

    Args:
      transformation: the optimizer.
      state: its state as a nested dict, see `optax_state.to_dict`.
    """
    # `+ 0.0` because minus nothing is written as -0.
    return jnp.asarray(-_factor(transformation.update, state) + 0.0, jnp.float32)


def _factor(update: Callable, state: Mapping[str, Any]) -> Any:
    """Returns by how much an update function multiplies all its input, apart from what depends on the gradients."""
    inside = inspect.getclosurevars(update).nonlocals
    kind = getattr(update, "__qualname__", "").split(".")[0]
    if kind == "chain":
        factor = 1.0
        for position, inner in enumerate(inside["update_fns"]):
            factor = factor * _factor(inner, state.get(str(position), {}))
        return factor
    if kind == "with_extra_args_support":
        return _factor(inside["tx"].update, state)
    if kind == "scale":
        return inside["step_size"]
    if kind == "scale_by_schedule":
        return inside["step_size_fn"](state["count"])
    return UNKNOWN if _scales(update) else 1.0


def _scales(update: Callable) -> bool:
    """Says whether anything inside an update function is a scale."""
    if getattr(update, "__qualname__", "").split(".")[0] in ("scale", "scale_by_schedule"):
        return True
    nodes = jax.tree.leaves(
        list(inspect.getclosurevars(update).nonlocals.values()),
        is_leaf=lambda node: isinstance(node, optax.GradientTransformation),
    )
    inner = [node.update if isinstance(node, optax.GradientTransformation) else node for node in nodes]
    return any(_scales(node) for node in inner if inspect.isfunction(node) and _is_update(node))


def _is_update(function: Callable) -> bool:
    return "updates" in inspect.signature(function).parameters
