"""Arrays inside a msgpack file, as Flax's serialization writes them.

Enters: the code and payload of a msgpack extension. Leaves: numpy arrays that share the payload's memory; nothing is
allocated by what a header claims. Source: extension 1 is an array and 3 a numpy scalar, both a msgpack list (shape,
name of the data type, bytes in C order); 2 is a complex number (real, imaginary). Effects: none.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import msgpack
import numpy as np

from t5x.ckpt.legacy.damage import LegacyFormatError

ARRAY, COMPLEX, SCALAR = 1, 2, 3  # Flax's extension codes
CHUNKED = "__msgpack_chunked_array__"  # Flax: marks an array above its limit of 2**30 bytes, cut into flat chunks
MAX_RANK = 32  # numpy before 2.0; no parameter has more than five dimensions
_MAX_DIMENSION = 2**48  # above every file, and far enough below 2**63 for products with it to be computed

# The data types in which numbers are stored; any other name, an object type above all, is refused.
_DTYPE_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bfloat16", "float16", "float32", "float64", "complex64", "complex128"),
)
DTYPES = {name: jnp.dtype(name) for name in _DTYPE_NAMES}


def checked_shape(value: Any) -> tuple[int, ...]:
    """Returns a shape. Raises LegacyFormatError where it is none."""
    is_list = isinstance(value, list | tuple) and len(value) <= MAX_RANK
    if not is_list or not all(type(size) is int and 0 <= size <= _MAX_DIMENSION for size in value):
        raise LegacyFormatError(f"{_short(value)} is no shape")
    return tuple(value)


def checked_dtype(name: Any) -> np.dtype:
    """Returns the data type of this name. Raises LegacyFormatError where it is no type for numbers."""
    if not isinstance(name, str) or name not in DTYPES:
        raise LegacyFormatError(f"{_short(name)} is no data type of numbers")
    return DTYPES[name]


def decode(code: int, payload: bytes) -> np.ndarray:
    """Returns the array of a msgpack extension. Raises LegacyFormatError where it is none."""
    try:
        content = msgpack.unpackb(payload, raw=False, max_array_len=MAX_RANK, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise LegacyFormatError(f"an inline array has no readable header ({error})") from error
    if not isinstance(content, list):
        raise LegacyFormatError("an inline array has no header")
    if code == COMPLEX and len(content) == 2 and all(isinstance(part, float) for part in content):
        return np.asarray(complex(*content))
    if code not in (ARRAY, SCALAR) or len(content) != 3 or not isinstance(content[2], bytes):
        raise LegacyFormatError(f"an inline value of kind {code} is no array")
    shape, dtype, data = checked_shape(content[0]), checked_dtype(content[1]), content[2]
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(data):
        raise LegacyFormatError(f"an inline array of shape {list(shape)} needs {needed} bytes but has {len(data)}")
    return np.frombuffer(data, dtype).reshape(shape)


def join_chunks(node: dict[str, Any]) -> np.ndarray:
    """Returns the array that Flax has cut into flat chunks. Raises LegacyFormatError where they do not make one."""
    shape = checked_shape(_as_list(node.get("shape")))
    chunks = _as_list(node.get("chunks"))
    if not chunks or not all(isinstance(chunk, np.ndarray) and chunk.ndim == 1 for chunk in chunks):
        raise LegacyFormatError("a chunked array has no chunks")
    if len({chunk.dtype for chunk in chunks}) > 1 or sum(chunk.size for chunk in chunks) != math.prod(shape):
        raise LegacyFormatError(f"the chunks of an array of shape {list(shape)} do not add up to it")
    return np.concatenate(chunks).reshape(shape)


def encode(array: np.ndarray) -> msgpack.ExtType:
    """Returns an array of at most 2**30 bytes as a msgpack extension; the inverse of `decode`."""
    header = (list(array.shape), array.dtype.name, array.tobytes())
    return msgpack.ExtType(ARRAY, msgpack.packb(header, use_bin_type=True))


def _as_list(node: Any) -> list[Any]:
    """Flax writes a tuple as a dict with the keys '0', '1', ..."""
    if not isinstance(node, dict):
        raise LegacyFormatError("a chunked array lacks its shape or its chunks")
    values = [node.get(str(position)) for position in range(len(node))]
    if any(value is None for value in values):
        raise LegacyFormatError("a chunked array lacks one of its chunks")
    return values


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:60] + "..."
