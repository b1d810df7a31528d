"""One file of an export: written under another name and renamed when it is whole.

Enters: a path, a format, rows. Leaves: the file, or nothing of it. Effects: writes, flushes to the disk, renames.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from flan_mixtures.export.formats import FORMATS
from t5x.errors import UserError


def write_shard(path: pathlib.Path, format: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Writes all `rows` to `path` and returns the file's sha256 in hexadecimal digits.

    Raises:
      UserError: the disk is full or cannot be written to; names the file. What was written of it is removed.
    """
    partial = path.with_name(f"{path.name}.partial")
    reading: list[BaseException] = []
    try:
        with FORMATS[format](partial) as write:
            for row in _noting_errors(rows, reading):
                write(row)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and not reading:
            raise UserError(
                f"The export file {str(path)!r} cannot be written: {error.strerror or error}. Shards before it are "
                "whole: make room and start the same export again, and it goes on with this file."
            ) from error
        raise
    return digest


def _noting_errors(rows: Iterable[Mapping[str, Any]], errors: list[BaseException]) -> Iterable[Mapping[str, Any]]:
    """Yields the rows; an error of theirs, say of a source on a broken disk, is not one of writing."""
    try:
        yield from rows
    except OSError as error:
        errors.append(error)
        raise
