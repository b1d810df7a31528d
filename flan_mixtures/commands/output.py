"""What commands print: tables and progress, for people on a terminal and for programs in a pipe.

Enters: rows of text. Leaves: on a terminal a table, in a pipe lines with tabs and a header. Text from data never
reaches a terminal with control characters in it. Effects: writes to stdout; progress goes to stderr, and only where
that is a terminal.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

Item = TypeVar("Item")


_NAME_WIDTH = 32  # letters of the first column that stay on one line in a narrow terminal


def printable(text: str) -> str:
    """Returns the text with its control characters, but for line breaks and tabs, shown as `\\x1b` and the like."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape").decode()
        for letter in text
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str] = ()) -> None:
    """Prints rows of cells; the columns named in `numbers` are set to the right."""
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in rows:
            print("\t".join(" ".join(printable(cell).split()) for cell in row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    cells = list(rows)
    name_width = min(max((len(row[0]) for row in cells), default=0), _NAME_WIDTH)
    for place, column in enumerate(columns):
        justify = "right" if column in numbers else "left"
        table.add_column(column, justify=justify, overflow="fold", min_width=None if place else name_width)
    for row in cells:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def tracked(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yields the items and shows on a terminal's stderr how many of `total` are done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total, description=what)


def waiting(what: str):
    """Returns a context in which a terminal's stderr shows that something is under way."""
    console = Console(stderr=True)
    return console.status(what) if console.is_terminal else contextlib.nullcontext()
