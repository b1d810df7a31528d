"""The records of a source with a certain value in a field: `where = { task_name = "task002_..." }`.

For data sets that hold many tasks in one. Which records belong to which value is found once per process, source, split
and field, by reading the split through, and shared by all the tasks that filter by that field.
Effects: the first `open` reads the whole split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flan_mixtures.sources.chosen_records import ChosenRecords
from flan_mixtures.sources.source import Record, Source
from t5x.errors import UserError

# (what the source is made of, split, field) -> the records of the split, and value -> places.
_groups: dict[tuple[str, str, str], tuple[Sequence[Record], dict[str, np.ndarray]]] = {}


class FilteredSource:
    """A source less the records that have another value."""

    def __init__(self, source: Source, where: Mapping[str, str], made_of: str):
        """Filters `source`. `made_of` tells it from others: sources that are made of the same share what is found."""
        if len(where) != 1:
            raise UserError(f"`where` of a source is {dict(where)}: expected one field and its value.")
        self._source, self._made_of = source, made_of
        ((self._field, self._value),) = where.items()
        self.kind = source.kind

    @property
    def splits(self) -> tuple[str, ...]:
        return self._source.splits

    def describe(self) -> str:
        return f"{self._source.describe()} where {self._field} is {self._value}"

    def missing(self) -> str | None:
        return self._source.missing()

    def open(self, split: str) -> Sequence[Record]:
        records, places = _grouped(self._source, self._made_of, split, self._field)
        if self._value not in places:
            raise UserError(f"The source {self.describe()} has no such record in the split {split!r}.")
        return ChosenRecords(records, places[self._value])


def _grouped(source: Source, made_of: str, split: str, field: str) -> tuple[Sequence[Record], dict[str, np.ndarray]]:
    key = (made_of, split, field)
    if key not in _groups:
        records = source.open(split)
        places: dict[str, list[int]] = {}
        for place in range(len(records)):
            record = records[place]
            if field not in record:
                where = f"Record {place} of {source.describe()}"
                raise UserError(f"{where} has no field {field!r}; it has {', '.join(record)}.")
            places.setdefault(str(record[field]), []).append(place)
        _groups[key] = records, {value: np.array(those) for value, those in places.items()}
    return _groups[key]
