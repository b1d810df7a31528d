"""Random draws that depend on nothing but their names.

Enters: any printable parts, such as (seed, family, split, index). Leaves: a `random.Random`, the same for the same
parts in every process. Seeding with a string goes through SHA-512 in CPython, so it does not depend on hash salting.
Effects: none.
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")


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


class Draws:
    """The draws that belong to some parts, one after the other; made for many short uses.

    A `random.Random` costs several microseconds to seed, these cost one for each eight draws: a BLAKE2b digest of the
    parts and a counter. The methods are those of `random.Random`, as far as they are used.
    """

    __slots__ = ("_count", "_key", "_left")

    def __init__(self, *parts: object):
        self._key = hashlib.blake2b("/".join(map(str, parts)).encode())
        self._count = 0
        self._left: list[int] = []

    def bits(self) -> int:
        """Returns an integer from 0 to 2**64 - 1."""
        if not self._left:
            block = self._key.copy()
            block.update(self._count.to_bytes(8, "big"))
            self._count += 1
            self._left = list(struct.unpack(">8Q", block.digest()))
        return self._left.pop()

    def random(self) -> float:
        """Returns a number from 0 up to 1."""
        return (self.bits() >> 11) * 2**-53

    def randrange(self, stop: int) -> int:
        """Returns an integer from 0 up to `stop`. Of 2**64 values, so that none is favoured measurably."""
        return self.bits() % stop

    def choice(self, items: Sequence[T]) -> T:
        """Returns one of the items."""
        return items[self.bits() % len(items)]

    def shuffle(self, items: MutableSequence[object]) -> None:
        """Puts the items into another order, in place."""
        for place in range(len(items) - 1, 0, -1):
            other = self.bits() % (place + 1)
            items[place], items[other] = items[other], items[place]
