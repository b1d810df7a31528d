"""The mesh: devices laid out along `data` (examples) and `model` (parts of one layer).

Source: T5X `partitioning.default_mesh`. T5X's CPU mesh ignores `num_partitions`; this one does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
from jax.sharding import AxisType, Mesh

from t5x.errors import UserError
from t5x.microbatch import divisors

DATA_AXIS = "data"
MODEL_AXIS = "model"


def make_mesh(
    num_partitions: int | None = None,
    model_parallel_submesh: Sequence[int] | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Mesh:
    """Returns a `(data, model)` mesh over all devices.

    Args:
      num_partitions: devices along `model`.
      model_parallel_submesh: the same as the sides of a block of a TPU slice; only their product matters here, the
        placement within a slice is left to `jax.make_mesh`.
      devices: instead of all of them.

    Raises:
      UserError: neither is given, they contradict each other, or the devices cannot be divided so.
    """
    devices = list(devices if devices is not None else jax.devices())
    if num_partitions is None and model_parallel_submesh is None:
        raise UserError(
            "PjitPartitioner needs num_partitions (devices that share one model) or model_parallel_submesh."
        )
    block = None if model_parallel_submesh is None else math.prod(model_parallel_submesh)
    partitions = num_partitions or block
    if block is not None and num_partitions is not None and block != num_partitions:
        raise UserError(
            f"PjitPartitioner got num_partitions={num_partitions} and model_parallel_submesh={model_parallel_submesh}, "
            f"a block of {block} devices; give one of them."
        )
    if len(devices) % partitions:
        raise UserError(
            f"num_partitions is {partitions}, which does not divide the {len(devices)} devices of this run; choose one "
            f"of {', '.join(map(str, divisors(len(devices))))}."
        )
    return jax.make_mesh(
        (len(devices) // partitions, partitions),
        (DATA_AXIS, MODEL_AXIS),
        axis_types=(AxisType.Auto, AxisType.Auto),
        devices=devices,
    )
