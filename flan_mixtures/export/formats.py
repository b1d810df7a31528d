"""The file formats of an export: each writes rows to one file that it is given the name of.

    jsonl, jsonl.gz   one JSON object a line, UTF-8
    parquet           one column per key, Zstandard; absent numbers are null
    array_record      one record a row: the row as a JSON object, UTF-8, so that any language reads it
    tfrecord          one `tf.train.Example` a row

The same rows give the same bytes. Effects: writes files.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import pathlib
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flan_mixtures.export.crc32c import masked_crc32c
from flan_mixtures.export.tf_example import tf_example
from flan_mixtures.mixtures.plain_row import NUMBER_LISTS, NUMBERS, TEXT_LISTS, TEXTS, TRUTHS

Write = Callable[[Mapping[str, Any]], None]

_ROWS_PER_GROUP = 1_000  # of Parquet files: about 1 MB of text, so that a reader of one row reads little
_NUMERIC = frozenset((*NUMBERS, *TRUTHS, *NUMBER_LISTS))


def _json(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(", ", ": ")).encode("utf-8")


@contextlib.contextmanager
def _jsonl(path: pathlib.Path) -> Iterator[Write]:
    with path.open("wb") as file:
        yield lambda row: file.write(_json(row) + b"\n") and None


@contextlib.contextmanager
def _jsonl_gz(path: pathlib.Path) -> Iterator[Write]:
    # Neither the file's name nor the time goes into the header: the bytes depend on the rows alone.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as file:
        yield lambda row: file.write(_json(row) + b"\n") and None


@contextlib.contextmanager
def _parquet(path: pathlib.Path) -> Iterator[Write]:
    import pyarrow.parquet

    waiting: list[Mapping[str, Any]] = []
    writer: pyarrow.parquet.ParquetWriter | None = None

    def write_group() -> None:
        nonlocal writer
        schema = _schema(tuple(waiting[0]))
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(str(path), schema, compression="zstd")
        writer.write_table(pyarrow.Table.from_pylist(waiting, schema))
        waiting.clear()

    def write(row: Mapping[str, Any]) -> None:
        waiting.append(row)
        if len(waiting) == _ROWS_PER_GROUP:
            write_group()

    try:
        yield write
        if waiting:
            write_group()
    finally:
        if writer:
            writer.close()


@functools.cache
def _schema(keys: tuple[str, ...]) -> Any:
    import pyarrow as pa

    types = {
        **dict.fromkeys(TEXTS, pa.string()),
        **dict.fromkeys(TEXT_LISTS, pa.list_(pa.string())),
        **dict.fromkeys(NUMBERS, pa.int64()),
        **dict.fromkeys(TRUTHS, pa.bool_()),
        **dict.fromkeys(NUMBER_LISTS, pa.list_(pa.int32())),
    }
    return pa.schema([(key, types[key]) for key in keys])


@contextlib.contextmanager
def _array_record(path: pathlib.Path) -> Iterator[Write]:
    from array_record.python.array_record_module import ArrayRecordWriter

    # Groups of one record make random access cheap, as array_record's readers for training expect.
    writer = ArrayRecordWriter(str(path), "group_size:1,zstd:3")

    def write(row: Mapping[str, Any]) -> None:
        record = _json(row)
        with _as_os_error(path):
            writer.write(record)

    try:
        yield write
    finally:
        with _as_os_error(path):
            writer.close()


@contextlib.contextmanager
def _as_os_error(path: pathlib.Path) -> Iterator[None]:
    """What array_record cannot write is a RuntimeError of its own; here it is what Python's files raise."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(f"{path}: {error}") from error


@contextlib.contextmanager
def _tfrecord(path: pathlib.Path) -> Iterator[Write]:
    with path.open("wb") as file:

        def write(row: Mapping[str, Any]) -> None:
            record = tf_example(row, _NUMERIC)
            length = struct.pack("<Q", len(record))
            checksums = struct.pack("<I", masked_crc32c(length)), struct.pack("<I", masked_crc32c(record))
            file.write(length + checksums[0] + record + checksums[1])

        yield write


# Format, which is also the ending of its files -> what opens a file and gives the function that writes a row to it.
FORMATS: Mapping[str, Callable[[pathlib.Path], contextlib.AbstractContextManager[Write]]] = {
    "jsonl": _jsonl,
    "jsonl.gz": _jsonl_gz,
    "parquet": _parquet,
    "array_record": _array_record,
    "tfrecord": _tfrecord,
}
