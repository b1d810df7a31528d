r"""Reads tab-separated rows as the Flan Collection writes them.

Enters: a path and the names of its columns (there is no header line).
Leaves: one mapping per line, column name to text, in file order; row i is line i + 1.
The format: a row is what lies between two line feeds, and nothing else ends it (texts hold U+2028 and the like); quotes
are ordinary characters (a cell may begin with one); `\n` in a cell stands for a line break, and every other backslash
for itself (texts hold LaTeX).
Effects: reads the file.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError

_SHOWN = 60  # characters of a broken line that a message quotes


def read_tsv(path: pathlib.Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Returns the rows of `path`. Raises UserError with file and line for a wrong column count or an empty cell."""
    lines = read_text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise UserError(f"The file {str(path)!r} is empty; expected rows of {len(columns)} tab-separated columns.")
    return [_row(path, number, line.removesuffix("\r"), columns) for number, line in enumerate(lines, start=1)]


def _row(path: pathlib.Path, number: int, line: str, columns: Sequence[str]) -> dict[str, str]:
    cells = line.split("\t")
    shown = f"The line begins {line[:_SHOWN]!r}."
    if len(cells) != len(columns):
        raise UserError(
            f"{path}:{number}: found {len(cells)} tab-separated columns, expected {len(columns)} "
            f"({', '.join(columns)}). {shown} Mend or delete the line."
        )
    row = {column: cell.replace("\\n", "\n").strip() for column, cell in zip(columns, cells, strict=True)}
    for column, text in row.items():
        if not text:
            raise UserError(f"{path}:{number}: the column {column!r} is empty. {shown} Mend or delete the line.")
    return row
