"""States for the checkpoint tests: the same values for the same step, in T5X's layout."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

SHAPES = {"embedding": (64, 32), "kernel": (32, 48), "scale": (32,)}
SPECS = {
    "embedding": PartitionSpec("model", "data"),
    "kernel": PartitionSpec(None, "model"),
    "scale": PartitionSpec(),
}


def mesh_of(data: int, model: int) -> Mesh:
    """A mesh over the first data x model devices."""
    return Mesh(np.asarray(jax.devices()[: data * model]).reshape(data, model), ("data", "model"))


def numpy_state(step: int, shapes: dict[str, tuple[int, ...]] | None = None) -> dict[str, Any]:
    """A state whose every value is decided by `step`."""
    rng = np.random.default_rng(step)
    shapes = shapes or SHAPES
    params = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    slots = {name: {"v": np.square(value)} for name, value in params.items()}
    return {"target": {"encoder": params}, "state": {"step": np.int32(step), "param_states": {"encoder": slots}}}


def sharding_of(path: tuple, mesh: Mesh) -> NamedSharding:
    """The sharding of a leaf of `numpy_state`, by the name of its parameter."""
    names = [str(part.key) for part in path]
    return NamedSharding(mesh, next((SPECS[name] for name in names if name in SPECS), PartitionSpec()))


def sharded_state(step: int, mesh: Mesh) -> dict[str, Any]:
    """`numpy_state` on a mesh."""
    return jax.tree_util.tree_map_with_path(lambda p, x: jax.device_put(x, sharding_of(p, mesh)), numpy_state(step))


def template_of(state: Any, mesh: Mesh | None = None) -> Any:
    """The template that restores `state`, onto `mesh` or as numpy arrays."""
    return jax.tree_util.tree_map_with_path(
        lambda p, x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=None if mesh is None else sharding_of(p, mesh)),
        state,
    )


def assert_same(left: Any, right: Any) -> None:
    """Both trees have the same structure, data types and bits."""
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
