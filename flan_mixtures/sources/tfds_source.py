"""Data sets that TFDS has prepared on disk: `kind = "tfds"`, `name = "glue/rte:2.0.0"`.

The name is data set, config and version; without a version any prepared one serves, and without a config the only
prepared one. `data_dir` in the declaration wins over `SourceConfig.tfds_data_dir`, and that over TFDS's default.
Whether it is there is seen from its folder, without importing TFDS; it is read without the data set's own code.
Records are what TFDS gives, as plain values: bytes become text, arrays lists, labels integers. A sequence of structures
is a mapping of lists, so that SQuAD's `answers` is `{"text": [...], "answer_start": [...]}`.
Data prepared as array_record is read by number; any other format is read into memory, once per split.
Effects: imports tensorflow_datasets on `open`; prepares the data set there where SourceConfig.download is set.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from flan_mixtures.sources.json_file import read_json
from flan_mixtures.sources.source import Record
from t5x.errors import UserError, nearest

_NAME = re.compile(r"(?P<dataset>\w+)(?:/(?P<config>[^/:]+))?(?::(?P<version>\d+\.\d+\.\d+))?")
_INFO = "dataset_info.json"  # TFDS writes it last, so that a folder with it is whole
_DEFAULT_DATA_DIR = "~/tensorflow_datasets"  # TFDS's own, where TFDS_DATA_DIR is not set
_MANY_ROWS = 1_000_000  # so many rows of text take some GB as Python objects


class TfdsSource:
    """One data set of TFDS. `folder` is where it was prepared, for one that lies outside a TFDS data folder."""

    kind = "tfds"

    def __init__(self, name: str, data_dir: str = "", folder: str = "", download: bool = False):
        match = _NAME.fullmatch(name)
        if not match:
            raise UserError(
                f"The TFDS data set {name!r} is no name that can be read: expected 'dataset/config:1.0.0', with config "
                "and version optional."
            )
        self._name = name
        self._parts = match.groupdict()
        self._data_dir = data_dir
        self._folder = folder
        self._download = download
        self._in_memory: dict[str, Sequence[Record]] = {}

    @property
    def splits(self) -> tuple[str, ...]:
        folder = self._prepared()
        return tuple(_split_rows(folder)) if folder else ()

    def describe(self) -> str:
        return f"tfds {self._name}"

    def missing(self) -> str | None:
        if self._download or self._prepared():
            return None
        return f"not prepared in {self._folder or data_folder(self._data_dir)}"

    def open(self, split: str) -> Sequence[Record]:
        folder = self._prepared() or self._prepare()
        rows = _split_rows(folder)
        if split not in rows:
            raise UserError(
                f"The source {self.describe()} has no split {split!r}.{nearest(split, rows)} "
                f"It has {', '.join(map(repr, rows))}."
            )
        if read_json(folder / _INFO).get("fileFormat") == "array_record":
            import tensorflow_datasets as tfds  # takes seconds, and most tasks have another source

            return TfdsRecords(tfds.builder_from_directory(str(folder)).as_data_source(split=split))
        if split not in self._in_memory:
            self._in_memory[split] = _read_all(folder, split, rows[split], self.describe())
        return self._in_memory[split]

    def _prepared(self) -> pathlib.Path | None:
        if self._folder:
            folder = pathlib.Path(self._folder)
            return folder if (folder / _INFO).is_file() else None
        base = data_folder(self._data_dir) / self._parts["dataset"]
        config, version = self._parts["config"], self._parts["version"] or "*"
        # Only a data set without configs has its versions directly under its name.
        patterns = [f"{config}/{version}"] if config else [version, f"*/{version}"]
        for pattern in patterns:
            found = [entry.parent for entry in base.glob(f"{pattern}/{_INFO}")]
            if len({folder.parent for folder in found}) == 1:
                return max(found, key=_version_of)
        return None

    def _prepare(self) -> pathlib.Path:
        if not self._download:
            raise UserError(
                f"The TFDS data set {self._name!r} is {self.missing()}. Prepare it with `tfds build`, set "
                "SourceConfig.tfds_data_dir to where it is, or set SourceConfig.download = True."
            )
        import tensorflow_datasets as tfds

        try:
            builder = tfds.builder(self._name, data_dir=str(data_folder(self._data_dir)))
            builder.download_and_prepare(file_format="array_record")
        except Exception as error:  # whatever a download may raise: the network, checksums, manual steps
            raise UserError(
                f"TFDS could not prepare {self._name!r}: {type(error).__name__}: {error} Get the data another way and "
                "name it in SourceConfig.paths, or take its task out of the mixture."
            ) from error
        return pathlib.Path(builder.data_path)


class TfdsRecords(Sequence[Record]):
    """Records of a data source of TFDS, as plain values."""

    def __init__(self, source: Sequence[Any]):
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Record:
        return plain(self._source[range(len(self))[index]])


def data_folder(data_dir: str) -> pathlib.Path:
    """Returns the folder of prepared data sets: the given one, or else TFDS's own choice."""
    return pathlib.Path(data_dir or os.environ.get("TFDS_DATA_DIR") or _DEFAULT_DATA_DIR).expanduser()


def plain(value: Any) -> Any:
    """Returns what TFDS gives as text, numbers, lists and mappings.

    Raises UserError for bytes that are no UTF-8 text.
    """
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise UserError(f"A TFDS record holds bytes that are not UTF-8 text: {value[:30]!r}.") from None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) or hasattr(value, "to_list"):  # the latter: sequences of sequences
        return plain(value.tolist() if isinstance(value, np.ndarray) else value.to_list())
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def _split_rows(folder: pathlib.Path) -> dict[str, int]:
    splits = read_json(folder / _INFO).get("splits", [])
    return {split["name"]: sum(map(int, split.get("shardLengths", ()))) for split in splits}


def _read_all(folder: pathlib.Path, split: str, count: int, name: str) -> list[Record]:
    import tensorflow_datasets as tfds

    if count > _MANY_ROWS:
        logging.warning(
            "%s: not prepared as array_record, so all %d rows of %s are read into memory.",
            name,
            count,
            split,
        )
    dataset = tfds.builder_from_directory(str(folder)).as_dataset(
        split=split,
        read_config=tfds.ReadConfig(interleave_cycle_length=1),  # file after file: the order that slices are counted in
    )
    return [plain(row) for row in tfds.as_numpy(dataset)]


def _version_of(folder: pathlib.Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.name.split(".") if part.isdigit())
