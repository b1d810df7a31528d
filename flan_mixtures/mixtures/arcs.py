"""Which part of a mixture each position belongs to, and how often each part came before, computed from the position.

The weights are arcs of a circle of `CIRCLE` points. Position n stands at the point (STEP * n + start) modulo CIRCLE, a
Kronecker sequence with a step near the golden ratio, and belongs to the part whose arc it falls in. Such a sequence is
far more even than independent draws: by the theorem of Kuipers and Niederreiter (Uniform Distribution of Sequences,
chapter 2, theorem 3.4) the count of any arc, and so of any neighbouring arcs together, is within `bound(n)` of n times
its share; independent draws are off by about the square root of n. How often an arc was hit before position n is a
difference of two sums of floors, exact and without a walk through the positions. Effects: none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from flan_mixtures.mixtures.floor_sum import floor_sums

CIRCLE = 2**48  # points; a share is right to 2**-48, and products with a step still fit wrapped 64-bit integers
# Found by search upwards from CIRCLE / golden ratio: odd, so that it visits every point once before it repeats, and
# with no partial quotient of STEP / CIRCLE above 4, which keeps the sequence even over its whole length.
STEP = 173961102590495
LARGEST_QUOTIENT = 4
LAST_POSITION = 2**44  # positions a mixture has; floor_sums is exact so far


def boundaries(weights: Sequence[float]) -> np.ndarray:
    """Returns where each weight's arc begins, and CIRCLE at the end: one integer more than weights.

    Weights are not negative and not all zero; a weight of zero has an empty arc. Rounding keeps every boundary within
    half a point of its exact place.
    """
    exact = [Fraction(weight) for weight in weights]
    total = sum(exact)
    edges, below = [0], Fraction(0)
    for weight in exact:
        below += weight
        edges.append(round(below / total * CIRCLE))
    return np.array(edges, dtype=np.int64)


def points(positions: np.ndarray, start: int) -> np.ndarray:
    """Returns the point of the circle at which each position stands."""
    wrapped = positions.astype(np.uint64) * np.uint64(STEP) + np.uint64(start)  # modulo 2**64, which CIRCLE divides
    return (wrapped % np.uint64(CIRCLE)).astype(np.int64)


def parts_at(edges: np.ndarray, positions: np.ndarray, start: int) -> np.ndarray:
    """Returns the number of the arc that each position falls in."""
    # The last edge at or below the point: of the arcs that begin there, the one that is not empty.
    return np.searchsorted(edges, points(positions, start), side="right") - 1


def counts(edges: np.ndarray, positions: int, start: int) -> np.ndarray:
    """Returns how many of the first `positions` positions fall in each arc between neighbouring edges.

    For an unwrapped point x, floor((x + CIRCLE - edge) / CIRCLE) - floor(x / CIRCLE) is 1 where the point is at or
    above the edge. Summed over positions that gives the hits above every edge, and their differences the hits between.
    """
    at_or_above = floor_sums(positions, STEP, start + CIRCLE - edges, CIRCLE)
    return (at_or_above[:-1] - at_or_above[1:]).astype(np.int64)


def bound(positions: int) -> float:
    """Returns how far a count can be from positions times its share, whatever the share: about 4.6 ln n + 3."""
    golden = (1 + math.sqrt(5)) / 2
    per_logarithm = 1 / math.log(golden) + LARGEST_QUOTIENT / math.log(LARGEST_QUOTIENT + 1)
    return 3 + per_logarithm * math.log(max(positions, 1))
