"""Places arrays on a mesh and compiles functions over it.

Source: T5X `partitioning.PjitPartitioner`; here one `jax.jit` with `NamedSharding`s, and no global mesh.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from t5x.errors import UserError
from t5x.shard.axis_rules import LogicalAxisRules, partition_spec, standard_logical_axis_rules
from t5x.shard.constraint import layout
from t5x.shard.mesh import DATA_AXIS, make_mesh

PyTree = Any


@dataclasses.dataclass(frozen=True)
class DataLayout:
    """Which part of every global batch this process reads."""

    batch_size: int  # global
    shard_id: int
    num_shards: int
    is_first_host_in_replica_set: bool  # of the processes that read the same shard


class PjitPartitioner:
    """A mesh and the rules that say how logical axes lie on it."""

    def __init__(
        self,
        num_partitions: int | None = None,
        model_parallel_submesh: Sequence[int] | None = None,
        params_on_devices: bool = True,
        backend: str | None = None,
        ici_mesh_shape: Sequence[int] | None = None,
        dcn_mesh_shape: Sequence[int] | None = None,
        logical_axis_rules: LogicalAxisRules | None = None,
    ):
        """Makes the mesh.

        Args:
          num_partitions: devices that share one model.
          model_parallel_submesh: the same as a block of a TPU slice.
          params_on_devices: must be True; parameters live on the devices.
          backend: platform of the devices, the default one if None.
          ici_mesh_shape: not supported.
          dcn_mesh_shape: not supported.
          logical_axis_rules: `standard_logical_axis_rules()` if None.

        Raises:
          UserError: a mesh that cannot be made, or an argument that is not supported.
        """
        if not params_on_devices or ici_mesh_shape is not None or dcn_mesh_shape is not None:
            raise UserError(
                "PjitPartitioner: params_on_devices=False, ici_mesh_shape and dcn_mesh_shape are not supported; use "
                "num_partitions."
            )
        devices = None if backend is None else jax.devices(backend)
        self.mesh = make_mesh(num_partitions, model_parallel_submesh, devices)
        self.logical_axis_rules = standard_logical_axis_rules() if logical_axis_rules is None else logical_axis_rules

    @property
    def data_partition_spec(self) -> PartitionSpec:
        """How a batch is split."""
        return PartitionSpec(DATA_AXIS)

    @property
    def data_sharding(self) -> NamedSharding:
        """Where a batch lies."""
        return NamedSharding(self.mesh, self.data_partition_spec)

    @property
    def replicated(self) -> NamedSharding:
        """Where a value lies that every device holds whole."""
        return NamedSharding(self.mesh, PartitionSpec())

    @property
    def data_shards(self) -> int:
        """Into how many parts a batch is split."""
        return self.mesh.shape[DATA_AXIS]

    def get_data_layout(self, batch_size: int) -> DataLayout:
        """Returns which rows of a batch this process reads.

        Raises:
          UserError: the batch is not divisible by the mesh's data axis.
        """
        if batch_size % self.data_shards:
            raise UserError(
                f"batch size {batch_size} is not divisible by the {self.data_shards} data shards of the mesh "
                f"{dict(self.mesh.shape)}; choose a multiple of {self.data_shards}, such as "
                f"{max(1, batch_size // self.data_shards) * self.data_shards}, or another num_partitions."
            )
        columns = np.moveaxis(self.mesh.devices, self.mesh.axis_names.index(DATA_AXIS), 0)
        processes = [frozenset(device.process_index for device in column.flat) for column in columns]
        mine = [row for row, group in enumerate(processes) if jax.process_index() in group]
        return DataLayout(
            batch_size,
            shard_id=mine[0] // len(mine),
            num_shards=self.data_shards // len(mine),
            is_first_host_in_replica_set=min(processes[mine[0]]) == jax.process_index(),
        )

    def sharding(self, axis_names: Sequence[str | None], shape: Sequence[int]) -> NamedSharding:
        """Returns where an array with these logical axes lies."""
        return NamedSharding(self.mesh, partition_spec(axis_names, self.logical_axis_rules, shape, self.mesh.shape))

    def shardings(self, axes: PyTree, shapes: PyTree) -> PyTree:
        """Returns where the arrays of a tree lie; `axes` has a tuple of names where `shapes` has an array."""
        flat_shapes, treedef = jax.tree.flatten(shapes)
        flat_axes = treedef.flatten_up_to(axes)
        return treedef.unflatten(
            self.sharding(names, leaf.shape) for names, leaf in zip(flat_axes, flat_shapes, strict=True)
        )

    def partition(
        self,
        fn: Callable,
        in_axis_resources: PyTree = None,
        out_axis_resources: PyTree = None,
        static_argnums: int | Sequence[int] = (),
        donate_argnums: int | Sequence[int] = (),
    ) -> Callable:
        """Returns `fn` compiled over the mesh, where the network's `constrain` calls mean this mesh and these rules.

        Shardings are `NamedSharding`s, or trees of them; None leaves the choice to the compiler.
        """

        @functools.wraps(fn)
        def over_mesh(*args):
            with layout(self.mesh, self.logical_axis_rules):
                return fn(*args)

        return jax.jit(
            over_mesh,
            in_shardings=in_axis_resources,
            out_shardings=out_axis_resources,
            static_argnums=static_argnums,
            donate_argnums=donate_argnums,
        )

    def global_batch(self, local_batch: dict[str, np.ndarray]) -> dict[str, jax.Array]:
        """Returns a batch on the devices, from the rows that this process read."""
        sharding = self.data_sharding
        if jax.process_count() == 1:
            return jax.device_put(local_batch, sharding)
        return {name: jax.make_array_from_process_local_data(sharding, rows) for name, rows in local_batch.items()}


BasePartitioner = PjitPartitioner
BasePjitPartitioner = PjitPartitioner
