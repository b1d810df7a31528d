"""A row as the bytes of a `tf.train.Example`, without TensorFlow.

Texts are one value of a bytes list, numbers and truth values one of an int64 list, lists have as many values as they
hold, and None has none. Keys are written in sorted order, so that the same row gives the same bytes.
Source: protocol buffers' wire format and the public schema of Example: Example.features = 1, Features.feature = 1 (a
map: key = 1, value = 2), Feature.bytes_list = 1, Feature.int64_list = 3, and in both lists value = 1.
Effects: none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BYTES_LIST, _INT64_LIST = 1, 3
_DELIMITED = 2  # the wire type of texts, messages and packed numbers


def tf_example(row: Mapping[str, Any], numeric: frozenset[str]) -> bytes:
    """Returns the serialised example.

    Args:
      row: texts, numbers, truth values, None, or lists of texts or of numbers.
      numeric: keys whose values are numbers, which an empty list or None does not show.
    """
    entries = b""
    for key in sorted(row):
        feature = _feature(row[key], key in numeric)
        entries += _field(1, _field(1, key.encode()) + _field(2, feature))
    return _field(1, entries)


def _feature(value: Any, numeric: bool) -> bytes:
    values = [] if value is None else value if isinstance(value, list) else [value]
    if numeric:
        packed = b"".join(_varint(int(each)) for each in values)
        return _field(_INT64_LIST, _field(1, packed) if packed else b"")
    return _field(_BYTES_LIST, b"".join(_field(1, each.encode()) for each in values))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF  # a negative number is written as its two's complement
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
