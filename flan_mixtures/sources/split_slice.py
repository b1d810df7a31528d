"""Splits made of parts of other splits: `splits = { train = "train[:-200]", validation = "train[-200:]" }`.

Written as TFDS writes slices: bounds count rows or percents, from the end where negative. Every kind takes them.
Effects: none of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flan_mixtures.sources.chosen_records import ChosenRecords
from flan_mixtures.sources.source import Record, Source
from flan_mixtures.sources.split_files import file_of
from t5x.errors import UserError

_BOUND = r"(-?\d+%?)?"
_SLICE = re.compile(rf"(?P<split>[\w.\-]+)(?:\[{_BOUND}:{_BOUND}\])?")


class SlicedSource:
    """A source seen through other splits; `inner` is the source itself."""

    def __init__(self, inner: Source, splits: Mapping[str, str]):
        for name, text in splits.items():
            if not isinstance(text, str) or not _SLICE.fullmatch(text):
                raise UserError(
                    f"The split {name!r} of the source {inner.describe()} is {text!r}: expected a split's name, with "
                    "or without a slice such as 'train[:-200]' or 'train[10%:]'."
                )
        self.inner = inner
        self._splits = dict(splits)

    @property
    def kind(self) -> str:
        return self.inner.kind

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._splits)

    def describe(self) -> str:
        return self.inner.describe()

    def missing(self) -> str | None:
        return self.inner.missing()

    def open(self, split: str) -> Sequence[Record]:
        match = _SLICE.fullmatch(file_of(self._splits, split, self.describe()))
        records = self.inner.open(match["split"])
        start, end = (_row(bound, len(records)) for bound in match.groups()[1:])
        return ChosenRecords(records, range(len(records))[start:end])


def _row(bound: str | None, count: int) -> int | None:
    if bound is None:
        return None
    if bound.endswith("%"):
        return round(int(bound[:-1]) * count / 100)  # to the closest row, as TFDS does by default
    return int(bound)
