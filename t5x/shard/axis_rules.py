"""Logical axis rules: which mesh axis, if any, each named axis of an array is split over.

Enters: a table `[(logical axis, mesh axis | None), ...]`, earlier rows first. Leaves: `PartitionSpec`s.
Source: T5X `partitioning.standard_logical_axis_rules` and flax's `logical_to_mesh_axes`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import flax.linen as nn
from jax.sharding import PartitionSpec

from t5x.errors import UserError

LogicalAxisRules = Sequence[tuple[str, str | tuple[str, ...] | None]]


def standard_logical_axis_rules(
    activation_partitioning_dims: int = 1,
    parameter_partitioning_dims: int = 1,
    additional_rules: LogicalAxisRules | None = None,
) -> LogicalAxisRules:
    """Returns T5X's default rules.

    Args:
      activation_partitioning_dims: 1, or 2 to split activations over `model` along `embed` too.
      parameter_partitioning_dims: 1, or 2 to split parameters over `data` along `embed` too (as in ZeRO-3).
      additional_rules: appended, so of lower priority than the rules here.

    Raises:
      UserError: a number of dimensions other than 1 or 2.
    """
    dims = (activation_partitioning_dims, parameter_partitioning_dims)
    embed_rules: dict[tuple[int, int], list[tuple[str, str | None]]] = {
        (1, 1): [("embed", None)],
        (2, 1): [("embed", "model")],
        (1, 2): [("embed", "data")],
        # The first row that is still free wins: activations, whose batch took `data`, get `model`; parameters
        # whose other axis took `model` get `data`.
        (2, 2): [("embed", "model"), ("embed", "data")],
    }
    if dims not in embed_rules:
        raise UserError(
            f"standard_logical_axis_rules got activation_partitioning_dims={dims[0]} and "
            f"parameter_partitioning_dims={dims[1]}; each must be 1 or 2."
        )
    rules: list[tuple[str, str | None]] = [
        ("batch", "data"),
        ("vocab", "model"),
        ("mlp", "model"),
        ("heads", "model"),
        ("kv", None),
        ("joined_kv", "model"),
        *embed_rules[dims],
        ("relpos_buckets", None),
        ("abspos_buckets", None),
        ("length", None),
        ("layers", None),
        ("stack", None),
        ("mlp_activations", None),
    ]
    return [*rules, *(additional_rules or [])]


def partition_spec(
    axis_names: Sequence[str | None],
    rules: LogicalAxisRules,
    shape: Sequence[int] | None = None,
    mesh_shape: Mapping[str, int] | None = None,
) -> PartitionSpec:
    """Returns where an array with these logical axes is split, each mesh axis used at most once.

    Given the array's shape and the mesh's, an axis whose size the mesh does not divide stays whole, as 6 heads on 4
    devices do.

    Raises:
      UserError: an axis that no rule mentions.
    """
    known = {name for name, _ in rules}
    unknown = [name for name in axis_names if name is not None and name not in known]
    if unknown:
        raise UserError(
            f"logical axis {unknown[0]!r} of an array with axes {tuple(axis_names)} has no rule; the rules name "
            f"{', '.join(sorted(known))}. Add it: "
            f"standard_logical_axis_rules.additional_rules=[({unknown[0]!r}, None)]."
        )
    spec = nn.logical_to_mesh_axes(tuple(axis_names), rules=list(rules))
    if shape is None or mesh_shape is None:
        return spec
    return PartitionSpec(
        *(entry if size % _devices(entry, mesh_shape) == 0 else None for entry, size in zip(spec, shape, strict=True))
    )


def _devices(entry: str | tuple[str, ...] | None, mesh_shape: Mapping[str, int]) -> int:
    names = () if entry is None else (entry,) if isinstance(entry, str) else entry
    return math.prod(mesh_shape[name] for name in names)
