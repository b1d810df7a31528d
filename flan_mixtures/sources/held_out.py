"""Splits that a data set does not come with, taken out of its training rows: `hold_out = { validation = 0.02 }`.

Which rows are held out depends on their content alone: equal rows are on the same side, and a row stays on its side
when others are added, removed or moved. A split that the source has of its own is left as it is, so that `hold_out` may
be said of data sets of which some copies have the split.
Effects: `open` of train or of a held-out split reads all training rows once.
"""

from __future__ import annotations

import array
import json
from collections.abc import Mapping, Sequence

from flan_mixtures.draws import number
from flan_mixtures.sources.chosen_records import ChosenRecords
from flan_mixtures.sources.source import Record, Source
from t5x.errors import UserError

TRAIN = "train"
_RANGE = 2**64  # of `number`


class HeldOutSource:
    """A source with further splits, which its training split lacks."""

    def __init__(self, source: Source, shares: Mapping[str, float]):
        if not isinstance(shares, Mapping):
            raise UserError(
                f"The source {source.describe()} holds out {shares!r}: expected a table, {{ validation = 0.02 }} say."
            )
        for split, share in shares.items():
            if split == TRAIN or isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
                raise UserError(
                    f"The source {source.describe()} holds out {split} = {share!r}: expected a split other than "
                    f"{TRAIN!r} and a share of the training rows between 0 and 1, such as validation = 0.02."
                )
        if sum(shares.values()) >= 1:
            raise UserError(f"The source {source.describe()} holds out {dict(shares)}: nothing is left to train on.")
        self._source = source
        self._shares = dict(shares)
        self.kind = source.kind

    @property
    def splits(self) -> tuple[str, ...]:
        return (*self._source.splits, *self._held_out())

    def describe(self) -> str:
        return self._source.describe()

    def missing(self) -> str | None:
        return self._source.missing()

    def open(self, split: str) -> Sequence[Record]:
        held_out = self._held_out()
        if split != TRAIN and split not in held_out:
            return self._source.open(split)
        records = self._source.open(TRAIN)
        wanted = array.array("Q", (i for i in range(len(records)) if side(records[i], held_out) == split))
        return ChosenRecords(records, wanted)

    def _held_out(self) -> dict[str, float]:
        """The splits that are taken out of the training rows: those asked for that the source does not have."""
        own = self._source.splits
        return {split: share for split, share in self._shares.items() if split not in own} if TRAIN in own else {}


def side(record: Record, shares: Mapping[str, float]) -> str:
    """Returns the split that a training record is in when these shares are held out."""
    content = json.dumps(record, sort_keys=True, ensure_ascii=False, default=str)
    place = number("hold out", content) / _RANGE
    for split, share in shares.items():
        if place < share:
            return split
        place -= share
    return TRAIN
