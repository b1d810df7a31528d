"""`model-info.txt`: every array of the model and the optimizer, with its size, shape and place on the mesh.

Enters: name -> `ArrayInfo` for parameters and for optimizer state. Leaves: text.
Source: T5X writes a file of this name and content into model_dir.
Effects: `write_model_info` writes the file, in one rename.
"""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

MODEL_INFO_FILE = "model-info.txt"


@dataclasses.dataclass(frozen=True)
class ArrayInfo:
    """What the file says of one array.

    Attributes:
      shape: its shape; empty for a single number.
      dtype: its type, anything `np.dtype` takes, e.g. "float32"; bfloat16 as its jnp dtype.
      axis_names: the logical name of each axis, e.g. ("embed", "mlp"); None where an axis, or every axis, has none.
      partition_spec: for each axis the mesh axis, or axes, it is split over; None where it is whole.
    """

    shape: tuple[int, ...]
    dtype: np.typing.DTypeLike
    axis_names: Sequence[str | None] | None = None
    partition_spec: Sequence[str | tuple[str, ...] | None] | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the whole array, over all devices, without copies."""
        return self.size * np.dtype(self.dtype).itemsize


def format_model_info(
    parameters: Mapping[str, ArrayInfo], optimizer_state: Mapping[str, ArrayInfo] | None = None
) -> str:
    """Returns the file's text: parameters, their total, then the optimizer's state and its total."""
    lines = [*_table(parameters), _total("parameters", parameters)]
    if optimizer_state is not None:
        lines += [
            "",
            "Optimizer state",
            *_table(optimizer_state),
            _total("numbers of optimizer state", optimizer_state),
        ]
    return "\n".join(lines) + "\n"


def write_model_info(
    path: str | os.PathLike[str],
    parameters: Mapping[str, ArrayInfo],
    optimizer_state: Mapping[str, ArrayInfo] | None = None,
) -> None:
    """Writes the text to a file, replacing an older one; to be called in one process of a run."""
    target = pathlib.Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".writing")
    temporary.write_text(format_model_info(parameters, optimizer_state), encoding="utf-8")
    os.replace(temporary, target)


def _table(arrays: Mapping[str, ArrayInfo]) -> list[str]:
    """Returns one line an array, columns aligned, in the order given."""
    rows = [
        (
            name,
            f"{info.size:,}",
            f"({', '.join(_axes(info))})",
            np.dtype(info.dtype).name,
            "whole" if info.partition_spec is None else f"({', '.join(map(_mesh_axis, info.partition_spec))})",
        )
        for name, info in arrays.items()
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    return [
        f"Variable {name:<{widths[0]}}  size {size:>{widths[1]}}  shape {shape:<{widths[2]}}  "
        f"{dtype:<{widths[3]}}  partition spec {spec}"
        for name, size, shape, dtype, spec in rows
    ]


def _axes(info: ArrayInfo) -> list[str]:
    names = info.axis_names or (None,) * len(info.shape)
    return [str(size) if name is None else f"{name}={size}" for name, size in zip(names, info.shape, strict=True)]


def _mesh_axis(axis: str | tuple[str, ...] | None) -> str:
    return axis if isinstance(axis, str) else "None" if axis is None else "+".join(axis)


def _total(what: str, arrays: Mapping[str, ArrayInfo]) -> str:
    size = sum(info.size for info in arrays.values())
    size_in_bytes = sum(info.bytes for info in arrays.values())
    return f"Total: {size:,} {what} in {len(arrays):,} arrays, {size_in_bytes / 1e6:,.1f} MB"
