"""Tells the compiler how to split an activation, by the names of its axes.

A network says `constrain(x, ("batch", "length", "embed"))`; the partitioner that traces the network says, for the
time of the trace, which mesh and rules these names stand for. Outside such a trace the call does nothing, so the same
network runs on one device, in a test and in a notebook.

Effects: a context variable that only lives while a function is being traced.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Iterator, Sequence

import jax
from jax.sharding import Mesh, NamedSharding

from t5x.shard.axis_rules import LogicalAxisRules, partition_spec

_LAYOUT: contextvars.ContextVar[tuple[Mesh, LogicalAxisRules] | None] = contextvars.ContextVar("layout", default=None)


@contextlib.contextmanager
def layout(mesh: Mesh, rules: LogicalAxisRules) -> Iterator[None]:
    """Gives `constrain` its mesh and rules while a function is traced."""
    token = _LAYOUT.set((mesh, rules))
    try:
        yield
    finally:
        _LAYOUT.reset(token)


def constrain(x: jax.Array, axis_names: Sequence[str | None]) -> jax.Array:
    """Returns `x`, split over the mesh as the rules say for these axes; `x` itself outside a layout."""
    current = _LAYOUT.get()
    if current is None or current[0].size == 1:
        return x
    mesh, rules = current
    return jax.lax.with_sharding_constraint(
        x, NamedSharding(mesh, partition_spec(axis_names, rules, x.shape, mesh.shape))
    )


def shards_of(axis_names: Sequence[str | None]) -> int:
    """Returns over how many devices an array with these axes is split; 1 outside a layout."""
    current = _LAYOUT.get()
    if current is None:
        return 1
    mesh, rules = current
    shards = 1
    for entry in partition_spec(axis_names, rules):
        names = () if entry is None else (entry,) if isinstance(entry, str) else entry
        shards *= math.prod(mesh.shape[name] for name in names)
    return shards
