"""Reads one array from a zarr version 2 folder: a header `.zarray` and one file a chunk.

Enters: a folder. Leaves: its shape and data type, then parts of it as numpy arrays; only the chunks that a part needs
are read. Source: zarr version 2 as TensorStore writes it for T5X: order C, no filters, gzip or no compression; chunks
need not divide the shape, those at the edge are stored whole. TensorStore writes every chunk, so an absent one is
damage. Effects: reads files. A header may claim what it likes: memory is taken for chunk files that exist, at most as
much as they can hold.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import zlib
from typing import Any

import numpy as np
from etils import epath

from t5x.ckpt.legacy.damage import LegacyFormatError
from t5x.ckpt.legacy.inline import checked_shape
from t5x.ckpt.legacy.spec import parse_dtype

HEADER = ".zarray"
_MAX_HEADER_BYTES = 2**16  # real ones have some 200
_MAX_DEFLATE_RATIO = 1032  # of deflate, by its format: 258 bytes out of two bits
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  # zlib's code for "whichever the data begin with"
_COMPRESSORS = ("gzip", "zlib")


@dataclasses.dataclass(frozen=True)
class ZarrArray:
    """An array in a folder, its header read and checked."""

    folder: epath.Path
    shape: tuple[int, ...]
    dtype: np.dtype
    chunks: tuple[int, ...]
    is_compressed: bool
    separator: str

    def read(self, part: tuple[slice, ...] | None = None) -> np.ndarray:
        """Returns the array, or one part of it.

        Args:
          part: one slice of step 1 for each dimension.

        Raises:
          LegacyFormatError: a chunk is missing, truncated or damaged.
          OSError: a file cannot be read.
        """
        bounds = [piece.indices(size)[:2] for piece, size in zip(part or self._everything(), self.shape, strict=True)]
        grid = [range(low // size, -(-high // size)) for (low, high), size in zip(bounds, self.chunks, strict=True)]
        if any(high <= low for low, high in bounds):
            return np.zeros([max(high - low, 0) for low, high in bounds], self.dtype)
        self._require_chunks(grid)
        result = np.empty([high - low for low, high in bounds], self.dtype)
        for position in itertools.product(*grid):
            chunk = self._chunk(position)
            source, target = [], []
            for index, size, (low, high) in zip(position, self.chunks, bounds, strict=True):
                start, stop = max(low, index * size), min(high, (index + 1) * size)
                source.append(slice(start - index * size, stop - index * size))
                target.append(slice(start - low, stop - low))
            result[tuple(target)] = chunk[tuple(source)]
        return result

    def _everything(self) -> tuple[slice, ...]:
        return (slice(None),) * len(self.shape)

    def _key(self, position: tuple[int, ...]) -> str:
        return self.separator.join(map(str, position)) or "0"

    def _require_chunks(self, grid: list[range]) -> None:
        """Raises where the chunk files cannot hold what the header claims; takes no memory for it."""
        needed = math.prod(map(len, grid))
        if needed > len(_names(self.folder)):
            raise LegacyFormatError(f"{self.folder.name} lacks chunks, its header asks for {needed}")
        size = sum(self._size(position) for position in itertools.product(*grid))
        claimed = needed * math.prod(self.chunks) * self.dtype.itemsize
        if claimed > size * (_MAX_DEFLATE_RATIO if self.is_compressed else 1):
            raise LegacyFormatError(
                f"{self.folder.name} is truncated or its header is wrong: {needed} chunks of {size} bytes in all "
                f"cannot hold the {claimed} bytes that it claims"
            )

    def _size(self, position: tuple[int, ...]) -> int:
        try:
            return (self.folder / self._key(position)).stat().length
        except FileNotFoundError:
            raise LegacyFormatError(f"{self.folder.name}/{self._key(position)} is missing") from None

    def _chunk(self, position: tuple[int, ...]) -> np.ndarray:
        name = f"{self.folder.name}/{self._key(position)}"
        expected = math.prod(self.chunks) * self.dtype.itemsize
        content = (self.folder / self._key(position)).read_bytes()
        if self.is_compressed:
            content = _decompress(content, expected, name)
        if len(content) != expected:
            raise LegacyFormatError(f"{name} has {len(content)} bytes where its header asks for {expected}")
        return np.frombuffer(content, self.dtype).reshape(self.chunks)


def open_zarr(folder: epath.Path) -> ZarrArray:
    """Returns the array in `folder`, of which only the header has been read.

    Raises:
      LegacyFormatError: there is none, or it is of a kind that T5X does not write.
      OSError: its header cannot be read.
    """
    header = _read_header(folder)
    name = folder.name
    shape, chunks = checked_shape(header.get("shape")), checked_shape(header.get("chunks"))
    if len(chunks) != len(shape) or 0 in chunks:
        raise LegacyFormatError(f"{name} has chunks {list(chunks)} for the shape {list(shape)}")
    compressor = header.get("compressor")
    if compressor is not None and not (isinstance(compressor, dict) and compressor.get("id") in _COMPRESSORS):
        raise LegacyFormatError(f"{name} is compressed with {str(compressor)[:60]}, where gzip or none is expected")
    if header.get("zarr_format") != 2 or header.get("order", "C") != "C" or header.get("filters"):
        raise LegacyFormatError(f"{name} is no zarr array of version 2 in order C without filters")
    separator = header.get("dimension_separator", ".")
    if separator not in (".", "/"):
        raise LegacyFormatError(f"{name} has the dimension separator {str(separator)[:20]!r}, which is neither . nor /")
    return ZarrArray(folder, shape, parse_dtype(header.get("dtype")), chunks, compressor is not None, separator)


def _read_header(folder: epath.Path) -> dict[str, Any]:
    try:
        with (folder / HEADER).open("rb") as file:
            content = file.read(_MAX_HEADER_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise LegacyFormatError(f"the folder {folder.name} is missing or has no {HEADER}") from None
    try:
        header = json.loads(content[:_MAX_HEADER_BYTES])
    except (ValueError, RecursionError) as error:
        raise LegacyFormatError(f"{folder.name}/{HEADER} cannot be read ({error})") from error
    if not isinstance(header, dict):
        raise LegacyFormatError(f"{folder.name}/{HEADER} is no header")
    return header


def _names(folder: epath.Path) -> list[str]:
    """Names of the files that can be chunks; with the separator `/` they lie in folders of folders."""
    found = []
    for entry in folder.iterdir():
        found += _names(entry) if entry.is_dir() and entry.name.isdigit() else [entry.name]
    return [name for name in found if name != HEADER]


def _decompress(content: bytes, expected: int, name: str) -> bytes:
    """Unpacks at most one byte more than is expected, so that a small file cannot fill the memory."""
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        result = unpacker.decompress(content, expected + 1)
    except zlib.error as error:
        raise LegacyFormatError(f"{name} cannot be unpacked ({error})") from error
    if len(result) == expected and not unpacker.eof:
        raise LegacyFormatError(f"{name} is truncated")
    return result
