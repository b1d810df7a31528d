"""Records of one text file, by number, from the byte span that each one fills.

Enters: a path, and two functions: one finds the rows in the file's lines, one parses the bytes of a row.
Leaves: a sequence of records. In memory stay 16 bytes per row; of a gz file also the decompressed text.
Opening reads and parses the file once, so that a malformed row is found then and not in the middle of a training run.
Effects: reads the file; logs, once per file and count, the rows that were left out.
"""

from __future__ import annotations

import functools
import io
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from absl import logging

from flan_mixtures.sources.data_file import existing_file, gunzip, is_gzip, read_span
from flan_mixtures.sources.source import Record
from t5x.errors import UserError

_MARK = b"\xef\xbb\xbf"  # the byte order mark that some programs put before UTF-8 text
_SHOWN = 60  # characters of a malformed row that a message quotes


class Span(NamedTuple):
    """Where a row lies.

    Attributes:
      start, end: bytes from the beginning of the file.
      line: the number of its first line, from 1.
      problem: why it is malformed; empty where it is not.
    """

    start: int
    end: int
    line: int
    problem: str = ""


FindRows = Callable[[BinaryIO], Iterator[Span]]
Parse = Callable[[bytes], Record]


class IndexedFile(Sequence[Record]):
    """The well-formed records of a file. `skipped` is how many others were left out."""

    def __init__(self, path: pathlib.Path, content: bytes | None, spans: np.ndarray, skipped: int, parse: Parse):
        self._path = path
        self._content = content
        self._spans = spans
        self._parse = parse
        self.skipped = skipped

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> Record:
        start, end = self._spans[index].tolist()
        row = read_span(self._path, start, end) if self._content is None else self._content[start:end]
        try:
            return self._parse(row)
        except ValueError:
            raise UserError(f"{self._path}: row {index} has changed since the file was opened. Start again.") from None

    def origin(self, index: int) -> str:
        """Returns the file and the line that a record begins in; reads the file up to there."""
        start = int(self._spans[index][0])
        before = read_span(self._path, 0, start) if self._content is None else self._content[:start]
        line = before.count(b"\n") + 1
        return f"{self._path}:{line}"


def open_indexed(path: str, find_rows: FindRows, parse: Parse, on_malformed: str) -> IndexedFile:
    """Returns the records of a file.

    Raises:
      UserError: the file is missing, empty, or without any row; with `on_malformed="stop"` also for a malformed row,
        with file and line.
    """
    found = existing_file(path)
    content = gunzip(found) if is_gzip(found) else None
    spans: list[tuple[int, int]] = []
    skipped, first = 0, ""
    with io.BytesIO(content) if content is not None else found.open("rb") as file:
        if file.read(len(_MARK)) != _MARK:
            file.seek(0)
        for span in find_rows(file):
            if not span.problem:
                spans.append((span.start, span.end))
                continue
            if on_malformed == "stop":
                raise UserError(
                    f"{found}:{span.line}: {span.problem}. The row begins {_beginning(file, span)!r}. "
                    "Mend or delete it, or have such rows left out and counted: SourceConfig.on_malformed = 'skip', or "
                    "--on-malformed skip."
                )
            first = first or f"line {span.line}: {span.problem}"
            skipped += 1
    if skipped:
        _log_skipped(found, skipped, first)
    if not spans:
        raise UserError(
            f"The data file {str(found)!r} has no row that can be used ({skipped} malformed). Fetch it again, "
            "or take its task out of the mixture."
        )
    return IndexedFile(found, content, np.array(spans, dtype=np.int64), skipped, parse)


def lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yields (number, start, line) from where `file` stands: what lies between line feeds, and nothing else ends it."""
    start = file.tell()
    for number, line in enumerate(file, start=1):
        yield number, start, line
        start += len(line)


def _beginning(file: BinaryIO, span: Span) -> str:
    file.seek(span.start)
    return file.read(min(span.end - span.start, 4 * _SHOWN)).decode("utf-8", errors="replace").strip()[:_SHOWN]


@functools.cache
def _log_skipped(path: pathlib.Path, count: int, first: str) -> None:
    logging.warning("%s: %d malformed rows are left out; the first is %s.", path, count, first)
