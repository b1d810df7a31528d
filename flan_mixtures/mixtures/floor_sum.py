"""The sum of floor((step * i + offset) / modulus) over i = 0 ... count - 1, without going through the i.

Euclid's algorithm on (step, modulus): a few dozen rounds whatever the count. It is vectorised over offsets, and every
result is right modulo 2**64: the sums themselves outgrow 64 bits, but the difference of two, a count of positions, does
not. Source: the standard recursion (Graham, Knuth and Patashnik, Concrete Mathematics, section 3.5). Effects: none.
"""

from __future__ import annotations

import numpy as np

# Quotients below this many are estimated by float64 with an error below one, which one correction then removes.
LARGEST_COUNT = 2**44


def floor_sums(count: int, step: int, offsets: np.ndarray, modulus: int) -> np.ndarray:
    """Returns the sums, one for each offset, as unsigned 64-bit integers modulo 2**64.

    Args:
      count: how many terms; 0 to `LARGEST_COUNT`.
      step: 0 to modulus - 1.
      offsets: int64 integers from 0 to 2**61.
      modulus: 1 to 2**60.
    """
    offset = np.asarray(offsets, dtype=np.int64).copy()
    total = np.zeros(offset.shape, dtype=np.uint64)
    terms = np.full(offset.shape, count, dtype=np.int64)
    while True:
        if step >= modulus:
            total += _triangle(terms) * np.uint64(step // modulus)
            step %= modulus
        over = offset // modulus
        total += terms.astype(np.uint64) * over.astype(np.uint64)
        offset -= over * modulus
        if step == 0 or not terms.any():
            return total
        terms, offset = _divided(step, terms, offset, modulus)
        step, modulus = modulus, step


def _divided(step: int, terms: np.ndarray, offset: np.ndarray, modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns quotient and remainder of (step * terms + offset) by the modulus, though the product may pass 64 bits.

    The quotient is estimated in float64; the remainder is then exact in wrapped integers, since it is small, and
    shows whether the estimate was one off.
    """
    quotient = (terms * (step / modulus) + offset / modulus).astype(np.int64)
    remainder = terms * np.int64(step) + offset - quotient * np.int64(modulus)
    correction = remainder // modulus
    return quotient + correction, remainder - correction * modulus


def _triangle(terms: np.ndarray) -> np.ndarray:
    """Returns terms * (terms - 1) / 2 modulo 2**64; the even factor is halved before it can wrap."""
    even = np.where(terms % 2 == 0, terms // 2, terms)
    odd = np.where(terms % 2 == 0, terms - 1, (terms - 1) // 2)
    return even.astype(np.uint64) * odd.astype(np.uint64)
