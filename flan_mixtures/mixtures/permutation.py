"""A random order of `size` things that needs no memory: thing i of the order is computed from i alone.

A Feistel network permutes the smallest power of two that holds `size`; a value past the end goes through it again
until it falls inside (cycle walking), which keeps it one to one. It is vectorised: each element may have its own size
and key.

Source: Black and Rogaway (2002), Ciphers with Arbitrary Finite Domains. The mixing function is SplitMix64's (Steele,
Lea and Flood 2014). It serves shuffling, not secrecy. Effects: none.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 6  # even, so that the widths of the halves are back where they began; 4 already look random
LARGEST = 2**62  # things in one order

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # SplitMix64's increment and multipliers
_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)


def mix(values: np.ndarray) -> np.ndarray:
    """Returns a 64-bit hash of each unsigned 64-bit integer; different integers have different hashes."""
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLY_1
    values = (values ^ (values >> np.uint64(27))) * _MULTIPLY_2
    return values ^ (values >> np.uint64(31))


_ROUND_KEYS = mix(np.arange(ROUNDS, dtype=np.uint64))  # so that the rounds hash differently


def permuted(index: np.ndarray, size: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Returns where each index goes in the order that belongs to its size and key.

    Args:
      index: integers from 0 to size - 1.
      size: how many things each element's order has; 1 to `LARGEST`. As long as `index`.
      key: unsigned 64-bit integers, one for each element: another key, another order.

    Returns:
      int64 integers from 0 to size - 1. For one size and key no two indices go to the same place.
    """
    result = np.array(index, dtype=np.uint64)
    size = np.asarray(size, dtype=np.uint64)
    key = np.asarray(key, dtype=np.uint64)
    bits = _bits(size)
    walking = np.arange(result.size)
    while walking.size:
        result[walking] = _network(result[walking], bits[walking], key[walking])
        walking = walking[result[walking] >= size[walking]]
    return result.astype(np.int64)


def _network(values: np.ndarray, bits: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Returns one pass through the network over 2**bits values."""
    one = np.uint64(1)
    right_bits = bits >> one
    left_bits = bits - right_bits
    left, right = values >> right_bits, values & ((one << right_bits) - one)
    for round_key in _ROUND_KEYS:
        hashed = mix(right + (key ^ round_key))
        left, right = right, left ^ (hashed & ((one << left_bits) - one))
        left_bits, right_bits = right_bits, left_bits
    return (left << right_bits) | right


def _bits(size: np.ndarray) -> np.ndarray:
    """Returns how many bits hold every integer below each size; at least 2, so that both halves have one."""
    exponent = np.frexp((size - np.uint64(1)).astype(np.float64))[1]  # rounding up costs one bit, no more
    return np.maximum(exponent, 2).astype(np.uint64)
