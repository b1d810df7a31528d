"""Random draws that depend on nothing but their names.

Enters: any printable parts, such as (seed, family, split, index). Leaves: a `random.Random`, the same for the same
parts in every process. Seeding with a string goes through SHA-512 in CPython, so it does not depend on hash salting.
Effects: none.
"""

from __future__ import annotations

import hashlib
import random


def draws(*parts: object) -> random.Random:
    """Returns the generator that belongs to these parts."""
    return random.Random("/".join(str(part) for part in parts))


def percentile(*parts: object) -> int:
    """Returns an integer from 0 to 99 that belongs to these parts; over many parts it is uniform."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100


def number(*parts: object) -> int:
    """Returns an integer from 0 to 2**64 - 1 that belongs to these parts: cheaper than a generator for one draw."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big")
