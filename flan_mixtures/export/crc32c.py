"""CRC-32C (Castagnoli), the checksum of TFRecord files, at numpy's speed.

A checksum is linear over XOR: each byte adds what its value and its distance from the end of a piece say, so a piece
is one look-up in a table and one XOR over it. Source: RFC 3720, appendix B.4, for the polynomial and the test values.
Effects: none; the table (1 MiB) is made on first use.
"""

from __future__ import annotations

import functools

import numpy as np

_POLYNOMIAL = np.uint32(0x82F63B78)  # reflected
_PIECE = 1024  # bytes looked up at a time


def crc32c(data: bytes) -> int:
    """Returns the checksum of `data`."""
    table = _table()
    values = np.frombuffer(data, np.uint8)
    crc = 0xFFFFFFFF
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        size = len(piece)
        # The state so far works like four more bytes, XORed onto the first of the piece.
        state = np.frombuffer(crc.to_bytes(4, "little"), np.uint8)
        if size >= 4:
            piece = piece.copy()
            piece[:4] ^= state
            rest = 0
        else:
            piece = piece ^ state[:size]
            rest = crc >> (8 * size)
        crc = int(np.bitwise_xor.reduce(table[np.arange(size - 1, -1, -1), piece])) ^ rest
    return crc ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """Returns the checksum as TFRecord files hold it: turned right by 15 bits, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@functools.cache
def _table() -> np.ndarray:
    """Returns [d, v]: what a byte v adds to the checksum when d bytes follow it."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, first >> 1 ^ _POLYNOMIAL, first >> 1)
    table = np.empty((_PIECE, 256), np.uint32)
    table[0] = first
    for distance in range(1, _PIECE):
        table[distance] = first[table[distance - 1] & 0xFF] ^ table[distance - 1] >> 8
    return table
