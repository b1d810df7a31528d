"""Parquet files: `kind = "parquet"`, `files = { train = "rte/train-*.parquet" }`, a file or a pattern per split.

The files of a pattern are read in the order of their names. Opening reads their footers; row groups are read when a row
of theirs is asked for, and the last ones are kept (see `table_cache`). Effects: reads the files.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flan_mixtures.sources.data_file import full_path, why_missing
from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import SplitFiles
from flan_mixtures.sources.table_cache import cached_table, row_of
from t5x.errors import UserError


class ParquetSource(SplitFiles):
    """Parquet files, one or more per split."""

    kind = "parquet"

    def missing(self) -> str | None:
        for pattern in self._files.values():
            if "*" not in pattern:
                reason = why_missing([pattern])
            else:
                reason = why_missing([str(pathlib.PurePath(pattern).parent)])
                if not reason and not _matching(pattern):
                    reason = f"no file {pattern}"
            if reason:
                return reason
        return None

    def _open_file(self, path: str) -> Sequence[Record]:
        found = _matching(path)
        if not found:
            raise UserError(f"There is no parquet file {str(full_path(path))!r}. Put it there, or name another place.")
        return ParquetRows(found)


class ParquetRows(Sequence[Record]):
    """The rows of some parquet files, one after the other."""

    def __init__(self, paths: Sequence[pathlib.Path]):
        self._groups = [(path, group) for path in paths for group in range(_read(path, _row_groups))]
        counts = [count for path in paths for count in _read(path, _group_rows)]
        self._ends = np.cumsum(np.array(counts, dtype=np.int64))

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: int) -> Record:
        index = range(len(self))[index]
        place = int(np.searchsorted(self._ends, index, side="right"))
        path, group = self._groups[place]
        table = cached_table(("parquet", path, group), lambda: _read(path, lambda file: file.read_row_group(group)))
        return row_of(table, index - int(self._ends[place]) + table.num_rows)


def _matching(pattern: str) -> list[pathlib.Path]:
    path = full_path(pattern)
    if "*" not in pattern:
        return [path] if path.is_file() else []
    return sorted(path.parent.glob(path.name))


def _row_groups(file: pq.ParquetFile) -> int:
    return file.num_row_groups


def _group_rows(file: pq.ParquetFile) -> list[int]:
    return [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]


def _read(path: pathlib.Path, what: Callable[[pq.ParquetFile], Any]) -> Any:
    try:
        with pq.ParquetFile(path) as file:
            return what(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: is no whole parquet file ({error}). Fetch it again.") from None
