"""A data set of Hugging Face's `datasets` on disk: `kind = "hf"`, `path = "hf/rte"`, without that library.

The folder is one of:
  what `DatasetDict.save_to_disk` writes: `dataset_dict.json` and a folder per split,
  what `Dataset.save_to_disk` writes: `state.json` and arrow files, which is taken as the split train,
  parquet files named for their splits, as hub repositories hold them: `train-00000-of-00002.parquet`, also in folders.
Label features are integers. `val` and `dev` mean the split validation; any other split keeps its own name.
Effects: reads the folder; arrow files are mapped into memory and the last ones are kept (see `table_cache`).
"""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from flan_mixtures.sources.data_file import full_path, why_missing
from flan_mixtures.sources.json_file import read_json
from flan_mixtures.sources.parquet import ParquetRows
from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import file_of
from flan_mixtures.sources.split_names import common_name
from flan_mixtures.sources.table_cache import cached_table, row_of
from t5x.errors import UserError

Files = tuple[pathlib.Path, ...]


class HfSource:
    """A folder that `datasets` wrote, or with parquet files as a hub repository has them."""

    kind = "hf"

    def __init__(self, path: str):
        self._path = path

    @property
    def splits(self) -> tuple[str, ...]:
        return () if self.missing() else tuple(split_folders(full_path(self._path)))

    def describe(self) -> str:
        return f"hf {self._path}"

    def missing(self) -> str | None:
        reason = why_missing([self._path])
        if not reason and not split_folders(full_path(self._path)):
            reason = f"neither state.json, dataset_dict.json nor parquet files in {self._path}"
        return reason

    def open(self, split: str) -> Sequence[Record]:
        reason = self.missing()
        if reason:
            raise UserError(f"The source {self.describe()} cannot be read: {reason}.")
        files = file_of(split_folders(full_path(self._path)), split, self.describe())
        return ParquetRows(files) if files[0].suffix == ".parquet" else ArrowRows(files)


def split_folders(folder: pathlib.Path) -> dict[str, Files]:
    """Returns the arrow or parquet files of each split in a folder; empty where it holds none."""
    if (folder / "dataset_dict.json").is_file():
        names = _entry(folder / "dataset_dict.json", "splits")
        return {common_name(name): _saved(folder / name) for name in names}
    if (folder / "state.json").is_file():
        return {"train": _saved(folder)}
    found: dict[str, list[pathlib.Path]] = {}
    for file in sorted(folder.rglob("*.parquet")):
        found.setdefault(common_name(_split_in_hub_name(file)), []).append(file)
    for split, files in found.items():
        folders = sorted({str(file.parent.relative_to(folder)) for file in files})
        if len(folders) > 1:
            raise UserError(
                f"The folder {str(folder)!r} has parquet files of the split {split!r} in several folders: "
                f"{', '.join(folders)}. They are different data sets; give the path of one of them."
            )
    return {split: tuple(files) for split, files in found.items()}


def _split_in_hub_name(file: pathlib.Path) -> str:
    """Returns `train` for `train-00000-of-00002.parquet`, `train/0000.parquet` and `train.parquet`."""
    if file.stem.isdigit():  # the hub's own conversions
        return file.parent.name
    return re.sub(r"-\d{5}-of-\d{5}.*", "", file.stem)


def _saved(folder: pathlib.Path) -> Files:
    files = _entry(folder / "state.json", "_data_files")
    if read_json(folder / "state.json").get("_indices_data_files"):
        raise UserError(
            f"The saved data set {str(folder)!r} has a list of chosen rows beside its files, as old releases wrote it. "
            "Load it with `datasets`, call flatten_indices(), and save it again."
        )
    return tuple(folder / entry["filename"] for entry in files)


def _entry(file: pathlib.Path, key: str) -> Any:
    content = read_json(file)
    if not isinstance(content, dict) or not content.get(key):
        raise UserError(
            f"{file}: has no {key!r}, so it is not what `datasets` writes. Save it again with save_to_disk(), "
            "or give the path of another folder."
        )
    return content[key]


class ArrowRows(Sequence[Record]):
    """The rows of some arrow files, one after the other."""

    def __init__(self, paths: Files):
        self._paths = paths
        self._ends = np.cumsum([_table(path).num_rows for path in paths])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Record:
        index = range(len(self))[index]
        place = int(np.searchsorted(self._ends, index, side="right"))
        table = _table(self._paths[place])
        return row_of(table, index - int(self._ends[place]) + table.num_rows)


def _table(path: pathlib.Path) -> pa.Table:
    return cached_table(("arrow", path), functools.partial(_read_arrow, path), mapped=True)


def _read_arrow(path: pathlib.Path) -> pa.Table:
    try:
        with pa.memory_map(str(path)) as file:  # closing gives the descriptor back; the table keeps the mapping
            return pa.ipc.open_stream(file).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: is no whole arrow file ({error}). Fetch or save it again.") from None
