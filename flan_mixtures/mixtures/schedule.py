"""Which row stands at every position of a mixture, computed from the position alone.

Enters: parts with their rows and weights, and a seed. Leaves: for any position a part, the epoch of that part and the
row, by random access: nothing is opened, remembered or replayed, so a reader restarts anywhere and any number of hosts
read the same mixture. Three steps, each its own file:

  1. `arcs`: the positions of a block belong to parts in even proportions, within `arcs.bound` of the exact share;
  2. the positions are shuffled inside each block of `BLOCK`, so that the order of parts has no period;
  3. the k-th occurrence of a part is row k modulo its rows, in an order of its own for each epoch (`permutation`).

A part's row order depends on the seed and its name, not on the other parts. Effects: none.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Iterator, Sequence

import numpy as np

from flan_mixtures.draws import number
from flan_mixtures.mixtures import arcs
from flan_mixtures.mixtures.permutation import LARGEST, mix, permuted
from t5x.errors import UserError

BLOCK = 4096  # positions shuffled together: several prompts of even the rarer parts, and still a millisecond's work


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """What stands at one position: row `row` of part number `part`, in that part's pass number `epoch`."""

    part: int
    epoch: int
    row: int


@dataclasses.dataclass(frozen=True)
class Places:
    """What stands at several positions, as int64 arrays of one length.

    Attributes:
      position: the positions.
      part: which part, by its number in the mixture.
      occurrence: how often the part came before.
      epoch: the occurrence divided by the part's rows.
      row: which of the part's rows.
    """

    position: np.ndarray
    part: np.ndarray
    occurrence: np.ndarray
    epoch: np.ndarray
    row: np.ndarray


class Schedule:
    """The order of a mixture.

    Attributes:
      names: of the parts, in order.
      rows: how many rows each part has.
      shares: of each part, summing to 1.
      seed: what the order depends on beside names, rows and weights.
    """

    def __init__(self, parts: Sequence[tuple[str, int, float]], seed: int):
        """Lays the mixture out.

        Args:
          parts: name, rows and weight of each. A weight of 0 is a part that never comes.
          seed: another seed, another order.

        Raises:
          UserError: no parts, a name twice, a part that has weight but no rows, weights that are negative, not finite,
            all zero, or so small beside the others that the part would never come.
        """
        _check(parts)
        self.seed = operator.index(seed)
        self.names = tuple(name for name, _, _ in parts)
        self.rows = np.array([rows for _, rows, _ in parts], dtype=np.int64)
        self._edges = arcs.boundaries([weight for _, _, weight in parts])
        self.shares = np.diff(self._edges) / arcs.CIRCLE
        for (name, _, weight), share in zip(parts, self.shares, strict=True):
            if weight > 0 and not share:
                raise UserError(
                    f"Part {name!r} of the mixture has the weight {weight:g}, less than 2**-48 of the sum: it would "
                    "never come. Give it more weight, or 0 to leave it out."
                )
        self._start = number(self.seed, "mixture start") % arcs.CIRCLE
        self._shuffle_key = np.uint64(number(self.seed, "mixture shuffle"))
        self._row_keys = np.array([number(self.seed, "rows", name) for name in self.names], dtype=np.uint64)

    def at(self, position: int) -> Place:
        """Returns what stands at one position. Raises UserError for a position below 0 or past 2**44."""
        block, slot = divmod(_position(position), BLOCK)
        parts = self._parts(block)
        part = int(parts[slot])
        before = arcs.counts(self._edges[part : part + 2], block * BLOCK, self._start)[0]
        occurrence = np.array([before + np.count_nonzero(parts[:slot] == part)])
        epoch, row = self._epoch_and_row(parts[slot : slot + 1], occurrence)
        return Place(part, int(epoch[0]), int(row[0]))

    def block(self, block: int) -> Places:
        """Returns what stands at positions block * BLOCK to (block + 1) * BLOCK - 1, in order."""
        first = _position(block * BLOCK)
        parts = self._parts(block)
        before = arcs.counts(self._edges, first, self._start)
        occurrence = before[parts] + _ranks(parts)
        epoch, row = self._epoch_and_row(parts, occurrence)
        return Places(np.arange(first, first + BLOCK), parts, occurrence, epoch, row)

    def places(self, start: int = 0, host: int = 0, hosts: int = 1) -> Iterator[Places]:
        """Yields, block by block and without end, what one of several hosts reads from position `start` on.

        Host h of H takes the positions n with n modulo H equal to h: together they read every position once.

        Raises:
          UserError: the position is out of range, or there is no such host.
        """
        if not 0 <= host < hosts:
            raise UserError(f"There is no host {host} among {hosts}: expected 0 to {hosts - 1}.")
        block = _position(start) // BLOCK
        while True:
            whole = self.block(block)
            mine = (whole.position >= start) & (whole.position % hosts == host)
            if mine.any():
                yield Places(**{field.name: getattr(whole, field.name)[mine] for field in dataclasses.fields(Places)})
            block += 1

    def counts(self, positions: int) -> np.ndarray:
        """Returns how often each part comes in the first `positions` positions, exactly, without walking them."""
        block, slots = divmod(_position(positions), BLOCK)
        before = arcs.counts(self._edges, block * BLOCK, self._start)
        return before + np.bincount(self._parts(block)[:slots], minlength=len(self.names))

    def _parts(self, block: int) -> np.ndarray:
        """Returns the part at each position of a block."""
        slots = np.arange(BLOCK)
        keys = np.full(BLOCK, mix(self._shuffle_key + np.array([block], dtype=np.uint64))[0])
        shuffled = block * BLOCK + permuted(slots, np.full(BLOCK, BLOCK), keys)
        return arcs.parts_at(self._edges, shuffled, self._start)

    def _epoch_and_row(self, parts: np.ndarray, occurrence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the epoch and the row that each occurrence of a part is."""
        rows = self.rows[parts]
        epoch, index = np.divmod(occurrence, rows)
        return epoch, permuted(index, rows, mix(self._row_keys[parts] ^ mix(epoch.astype(np.uint64))))


def _ranks(parts: np.ndarray) -> np.ndarray:
    """Returns for each element how many equal ones stand before it."""
    order = np.argsort(parts, kind="stable")
    ordered = parts[order]
    ranks = np.empty_like(parts)
    ranks[order] = np.arange(parts.size) - np.searchsorted(ordered, ordered, side="left")
    return ranks


def _position(position: int) -> int:
    if not 0 <= position <= arcs.LAST_POSITION - BLOCK:
        raise UserError(f"Position {position} is not in the mixture: expected 0 to about {arcs.LAST_POSITION:.0e}.")
    return operator.index(position)


def _check(parts: Sequence[tuple[str, int, float]]) -> None:
    if not parts:
        raise UserError("The mixture has no parts: name at least one task whose data is there.")
    seen: set[str] = set()
    for name, rows, weight in parts:
        if name in seen:
            raise UserError(f"Part {name!r} is in the mixture twice: give each part a name of its own.")
        seen.add(name)
        if not (math.isfinite(weight) and weight >= 0):
            raise UserError(f"Part {name!r} of the mixture has the weight {weight}: expected 0 or a positive number.")
        if not 0 <= rows <= LARGEST or (weight > 0 and rows == 0):
            raise UserError(
                f"Part {name!r} of the mixture has {rows} rows and the weight {weight:g}: expected at least one row. "
                "Leave the part out, or give it the weight 0."
            )
    if not any(weight > 0 for _, _, weight in parts):
        raise UserError("Every part of the mixture has the weight 0: give at least one a positive weight.")
