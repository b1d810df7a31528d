"""Rows as JSON objects, one a line: `kind = "jsonl"`, `files = { train = "rte/train.jsonl" }`, also `.jsonl.gz`.

A line ends at a line feed alone; lines of white space are no rows. Effects: those of `indexed_file`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from flan_mixtures.sources.indexed_file import Parse, Span, lines, open_indexed
from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import SplitFiles


class JsonlSource(SplitFiles):
    """JSON Lines files, one per split."""

    kind = "jsonl"

    def _open_file(self, path: str) -> Sequence[Record]:
        return open_json_lines(path, parse_object, self._on_malformed)


def open_json_lines(path: str, parse: Parse, on_malformed: str) -> Sequence[Record]:
    """Returns the records of a file with one JSON value a line. Raises UserError as `open_indexed` does."""

    def find_rows(file: BinaryIO) -> Iterator[Span]:
        for number, start, line in lines(file):
            if not line.strip():
                continue
            try:
                parse(line)
                problem = ""
            except (ValueError, RecursionError) as error:
                problem = _in_words(error)
            yield Span(start, start + len(line), number, problem)

    return open_indexed(path, find_rows, parse, on_malformed)


def parse_object(line: bytes) -> Record:
    """Returns the JSON object in a line. Raises ValueError where there is none."""
    value = json.loads(line.decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found a {type(value).__name__}")
    # An escape such as \ud83d that stands alone is half a character: no text that can be written or tokenised.
    if b"\\ud" in line.lower():
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _in_words(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON ({error.msg}, column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"the byte {error.object[error.start]:#04x} is not UTF-8 text"
    if isinstance(error, UnicodeEncodeError):
        return "an escape stands for half a character"
    return str(error)
