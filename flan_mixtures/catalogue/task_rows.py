"""The rows of one split of a task, by number.

Enters: a declaration, one of its sources and that source's mapping, a split. Leaves: a sequence of rows.
A row's id is `task/split/number`, the record's number in the split, or `task/split/` and the record's own id where the
source's mapping says `id = "field"`. A row keeps its id and its place whatever else is left out.
Where the adapter leaves records out, or malformed rows are skipped, the first use goes through every record once to
know which are kept; else nothing is read ahead.
Effects: opens the split on first use and reads records.
"""

from __future__ import annotations

import array
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any, overload

from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.catalogue.row_mapping import RowForm, adapter_module, adapter_name, leaves_out, row_form, row_of
from flan_mixtures.rendering.row import Row
from flan_mixtures.sources.chosen_records import origin
from flan_mixtures.sources.source import Source
from flan_mixtures.sources.source_config import ON_MALFORMED
from t5x.errors import UserError, nearest

_LOG = logging.getLogger(__name__)

# Rows of all tasks that are kept once they were made, since exemplars come again: tens of megabytes at usual sizes.
_ROWS_KEPT = 50_000


class TaskRows(Sequence[Row]):
    """The rows of one split.

    Raises UserError for a row that cannot be mapped where `on_malformed` is `stop`; `skip` leaves it out and counts it.
    """

    def __init__(
        self,
        declaration: Declaration,
        source: Source,
        split: str,
        source_mapping: Mapping[str, Any] | None = None,
        on_malformed: str = "stop",
    ):
        if on_malformed not in ON_MALFORMED:
            raise UserError(
                f"on_malformed is {on_malformed!r}: expected one of {', '.join(map(repr, ON_MALFORMED))}."
                f"{nearest(str(on_malformed), ON_MALFORMED)}"
            )
        self._declaration = declaration
        self._source = source
        self._split = split
        self._mapping = dict(source_mapping or {})
        self._on_malformed = on_malformed

    @property
    def left_out(self) -> int:
        """How many records the adapter leaves out."""
        return self._kept[1] if self._reads_ahead else 0

    @property
    def malformed(self) -> int:
        """How many records were skipped because they cannot be mapped; 0 with `stop`."""
        return self._kept[2] if self._reads_ahead else 0

    def __len__(self) -> int:
        return len(self._kept[0]) if self._reads_ahead else len(self._records)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # also counts from the end, and raises IndexError
        return _row(self, self._kept[0][place] if self._reads_ahead else place)

    @functools.cached_property
    def _records(self) -> Sequence[Mapping[str, Any]]:
        return self._source.open(self._split)

    @functools.cached_property
    def _form(self) -> RowForm:
        return row_form(self._declaration, self._mapping)

    @functools.cached_property
    def _reads_ahead(self) -> bool:
        name = adapter_name(self._declaration, self._mapping)
        return self._on_malformed == "skip" or (bool(name) and getattr(adapter_module(name), "LEAVES_OUT", False))

    def _map(self, number: int) -> Row | None:
        record = self._records[number]
        own = self._own_id(record, number)
        try:
            return row_of(self._form, record, f"{self._declaration.task}/{self._split}/{own}")
        except UserError as error:
            place = origin(self._records, number)
            raise UserError(f"{place}: {error}") if place else error from error

    def _own_id(self, record: Mapping[str, Any], number: int) -> Any:
        field = self._mapping.get("id")
        if not field:
            return number
        if field not in record:
            raise UserError(
                f"Record {number} of {self._source.describe()}, split {self._split!r}, has no field {field!r} to take "
                f"its id from.{nearest(field, map(str, record))} It has {', '.join(sorted(map(str, record)))}."
            )
        return record[field]

    @functools.cached_property
    def _kept(self) -> tuple[array.array, int, int]:
        """The numbers of the records that are rows, and how many are left out and malformed."""
        if self._on_malformed == "stop":
            # The adapter alone says what is left out; a malformed row is met where it is asked for, as without adapter.
            name = adapter_name(self._declaration, self._mapping)
            records = self._records
            kept = array.array("Q", (n for n in range(len(records)) if not leaves_out(name, records[n])))
            return kept, len(records) - len(kept), 0
        kept, left_out, malformed = array.array("Q"), 0, 0
        for number in range(len(self._records)):
            try:
                row = self._map(number)
            except UserError as error:
                malformed += 1
                if malformed == 1:
                    _LOG.warning("A malformed row is skipped, and so will be others like it: %s", error)
                continue
            if row is None:
                left_out += 1
            else:
                kept.append(number)
        if malformed:
            where = f"{self._source.describe()}, split {self._split!r}"
            _LOG.warning("%d of %d rows of %s are skipped as malformed.", malformed, len(self._records), where)
        return kept, left_out, malformed


@functools.lru_cache(maxsize=_ROWS_KEPT)
def _row(rows: TaskRows, number: int) -> Row:
    row = rows._map(number)
    assert row is not None, "a record that is left out has no place here"
    return row
