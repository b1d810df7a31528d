"""Some of the records of others, by number, and where a record stands in its file. Effects: `origin` reads files."""

from __future__ import annotations

from collections.abc import Sequence

from flan_mixtures.sources.source import Record


class ChosenRecords(Sequence[Record]):
    """The records at some places of other records, in the order of the places."""

    def __init__(self, records: Sequence[Record], places: Sequence[int]):
        self._records = records
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Record:
        return self._records[int(self._places[index])]

    def origin(self, index: int) -> str:
        """Returns what `origin` says of the record itself."""
        return origin(self._records, int(self._places[index]))


def origin(records: Sequence[Record], index: int) -> str:
    """Returns `file:line` of a record where it is known, for errors, and "" otherwise."""
    known = getattr(records, "origin", None)
    return known(index) if known else ""
