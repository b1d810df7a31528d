"""A source whose splits are files: `files = { train = "rte/train.jsonl", ... }`."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

from flan_mixtures.sources.data_file import why_missing
from flan_mixtures.sources.source import Record
from t5x.errors import UserError, nearest


class SplitFiles(abc.ABC):
    """What the kinds with one file per split share; each gives its `kind` and reads one file in `_open_file`."""

    kind: str

    def __init__(self, files: Mapping[str, str], on_malformed: str = "stop"):
        self._files = dict(files)
        self._on_malformed = on_malformed

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._files)

    def describe(self) -> str:
        return f"{self.kind} {', '.join(self._files.values())}"

    def missing(self) -> str | None:
        return why_missing(self._files.values())

    def open(self, split: str) -> Sequence[Record]:
        return self._open_file(file_of(self._files, split, self.describe()))

    @abc.abstractmethod
    def _open_file(self, path: str) -> Sequence[Record]:
        """Returns the records of one file."""


def file_of(files: Mapping[str, str], split: str, source: str) -> str:
    """Returns the file of a split. Raises UserError where the source has no such split."""
    if split not in files:
        raise UserError(
            f"The source {source} has no split {split!r}.{nearest(split, files)} It has {', '.join(map(repr, files))}."
        )
    return files[split]
