"""What a source of rows is: something that can say whether it is there, and give its records by number.

Every kind of source is one file beside this one with one class, made from the mapping in a declaration's `sources`.
A record is what the data set holds: a mapping of names to text, numbers, lists and mappings, no tensors and no bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Record = Mapping[str, Any]


class Source(Protocol):
    """One place a data set can be read from. Making one touches nothing; the methods read."""

    @property
    def kind(self) -> str:
        """The name declarations use, such as `jsonl`."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits this source has: of train, validation, test."""

    def describe(self) -> str:
        """Returns what and where it is, for tables and errors, such as `jsonl superglue/RTE/train.jsonl`."""

    def missing(self) -> str | None:
        """Returns why it cannot be read on this machine, in a few words, or None where it can. Reads no data."""

    def open(self, split: str) -> Sequence[Record]:
        """Returns the records of a split, by number and cheap to index in any order.

        Raises UserError for a malformed file, naming the file and the line.
        """
