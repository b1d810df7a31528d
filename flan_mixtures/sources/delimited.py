r"""Tables as text: `kind = "csv"` or `kind = "tsv"`, `files = { train = "rte/train.tsv" }`, also gz.

The first row names the columns, unless `columns = [...]` does. All values are text; blank lines are no rows.
csv: RFC 4180. A cell in quotes may hold commas, line breaks and doubled quotes. A quote that is never closed makes its
  row malformed, and reading goes on in the next line.
tsv: as the Flan Collection writes it. Quotes are ordinary characters; `\n` in a cell stands for a line break, unless
  `escapes = false` leaves it as it is; every other backslash stands for itself; cells lose white space at their ends.
Effects: those of `indexed_file`.
"""

from __future__ import annotations

import csv
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from flan_mixtures.sources.data_file import existing_file
from flan_mixtures.sources.indexed_file import Span, lines, open_indexed
from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import SplitFiles
from t5x.errors import UserError

Cells = list[str]
# Yields a span and, for a well-formed one, its cells.
SplitRows = Callable[[BinaryIO], Iterator[tuple[Span, Cells]]]
SplitRow = Callable[[bytes], Cells]


class CsvSource(SplitFiles):
    """Comma-separated files, one per split."""

    kind = "csv"

    def __init__(self, files: Mapping[str, str], on_malformed: str = "stop", columns: Sequence[str] = ()):
        super().__init__(files, on_malformed)
        self._columns = tuple(columns)

    def _open_file(self, path: str) -> Sequence[Record]:
        return _open_table(path, self._columns, _csv_rows, _csv_row, self._on_malformed)


class TsvSource(SplitFiles):
    """Tab-separated files, one per split."""

    kind = "tsv"

    def __init__(
        self,
        files: Mapping[str, str],
        on_malformed: str = "stop",
        columns: Sequence[str] = (),
        escapes: bool = True,
    ):
        super().__init__(files, on_malformed)
        self._columns = tuple(columns)
        self._split_row = functools.partial(_tsv_row, escapes=escapes)

    def _open_file(self, path: str) -> Sequence[Record]:
        return _open_table(path, self._columns, _line_rows(self._split_row), self._split_row, self._on_malformed)


def _open_table(
    path: str, columns: tuple[str, ...], split_rows: SplitRows, split_row: SplitRow, on_malformed: str
) -> Sequence[Record]:
    names = list(columns)  # filled from the first row where none are given

    def find_rows(file: BinaryIO) -> Iterator[Span]:
        for span, cells in split_rows(file):
            if not names:
                names.extend(_header(path, span, cells))
            elif not span.problem and len(cells) != len(names):
                problem = f"found {len(cells)} columns, expected {len(names)} ({', '.join(names)})"
                yield span._replace(problem=problem)
            else:
                yield span

    return open_indexed(path, find_rows, functools.partial(_record, names, split_row), on_malformed)


def _record(names: Cells, split_row: SplitRow, row: bytes) -> Record:
    return dict(zip(names, split_row(row), strict=True))


def _header(path: str, span: Span, cells: Cells) -> Cells:
    repeated = sorted({name for name in cells if cells.count(name) > 1})
    problem = span.problem or (f"the column {repeated[0]!r} is there twice" if repeated else "")
    if problem:
        raise UserError(
            f"{existing_file(path)}:{span.line}: the row with the names of the columns is malformed: {problem}. "
            "Mend it, or give the names as `columns = [...]` in the source if the file has none."
        )
    return cells


def _line_rows(split_row: SplitRow) -> SplitRows:
    def rows(file: BinaryIO) -> Iterator[tuple[Span, Cells]]:
        for number, start, line in lines(file):
            if not line.strip(b"\r\n"):
                continue
            try:
                cells, problem = split_row(line), ""
            except UnicodeDecodeError as error:
                cells, problem = [], _not_text(error)
            yield Span(start, start + len(line), number, problem), cells

    return rows


def _tsv_row(line: bytes, escapes: bool) -> Cells:
    cells = line.decode("utf-8").removesuffix("\n").removesuffix("\r").split("\t")
    return [(cell.replace("\\n", "\n") if escapes else cell).strip() for cell in cells]


def _csv_rows(file: BinaryIO) -> Iterator[tuple[Span, Cells]]:
    start, number = file.tell(), 1
    while line := file.readline():
        after_line = start + len(line)
        end, count, cells, problem = after_line, 1, [], ""
        if line.strip():
            try:
                taken = [line]
                cells = next(_csv_reader(_text_lines(file, taken)))
                end, count = start + sum(map(len, taken)), len(taken)
            except UnicodeDecodeError as error:
                problem = _not_text(error)
            except csv.Error as error:
                problem = f"not valid CSV ({error}); is a quote missing?"
            yield Span(start, end, number, problem), cells
            if problem:
                file.seek(end)  # a malformed row may have taken many lines; reading goes on in its second one
        start, number = end, number + count


def _text_lines(file: BinaryIO, taken: list[bytes]) -> Iterator[str]:
    """Yields the first taken line and then those after it, as the reader asks for them; adds these to `taken`."""
    yield taken[0].decode("utf-8")
    while line := file.readline():
        taken.append(line)
        yield line.decode("utf-8")


def _csv_row(row: bytes) -> Cells:
    text = row.decode("utf-8").split("\n")
    try:
        return next(_csv_reader(iter([f"{line}\n" for line in text[:-1]] + [text[-1]])))
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _csv_reader(text_lines: Iterator[str]) -> Iterator[Cells]:
    # A setting of the whole process. Its default of 131,072 characters would refuse long documents.
    if csv.field_size_limit() < sys.maxsize:
        csv.field_size_limit(sys.maxsize)
    return csv.reader(text_lines, strict=True)


def _not_text(error: UnicodeDecodeError) -> str:
    return f"the byte {error.object[error.start]:#04x} is not UTF-8 text"
