"""The part of `--help` that lists macros: those of the project's run files, or of the gin files on the command line.

Enters: gin files as text. Leaves: text. Effects: reads the files, `show` prints; imports neither gin nor jax.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from t5x.config.gin_text import Statement, scan_bindings, scan_files
from t5x.config.required_macros import defaulted_macros, required_in_text


def show(text: str) -> None:
    """Prints help or a config. A reader that stops early, as `| head` does, is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the exit flushes once more


def _rows(pairs: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in pairs), default=0)
    return [f"    {name.ljust(width)}  {text}".rstrip() for name, text in pairs]


def required_of_run_files(run_files: Sequence[str]) -> str:
    """Returns, for each run file of the project, the macros that it requires."""
    lines = []
    for file in run_files:
        required = required_in_text(scan_files([file], []))
        lines += [
            f"macros that --gin_file={file} requires (set each with --gin.NAME=VALUE):",
            *_rows([*required.items()]),
        ]
    return "\n".join(lines)


def macros_of(files: Sequence[str], search_paths: Sequence[str], bindings: Sequence[str]) -> str:
    """Returns the macros that these files still require and those that have a value, flags taken into account."""
    statements: list[Statement] = scan_files(files, search_paths) + scan_bindings(bindings)
    required = required_in_text(statements)
    given = [
        (item.key, f"= {item.value}{'  # ' + item.comment if item.comment else ''}")
        for item in defaulted_macros(statements)
    ]
    lines = [f"macros still required by {', '.join(files)}:", *(_rows([*required.items()]) or ["    none"])]
    return "\n".join([*lines, "macros with a value (change each with --gin.NAME=VALUE):", *_rows(given)])
