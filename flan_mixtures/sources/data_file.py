"""Paths in declarations, and the bytes behind them.

Enters: a path, absolute or relative to the data folder. Leaves: the full path, why it cannot be read, its bytes.
Effects: `read_span` keeps a few files open in each thread; a process that reads 1,500 files opens no more than those.
"""

from __future__ import annotations

import collections
import gzip
import os
import pathlib
import threading
import zlib
from collections.abc import Iterable

from flan_mixtures.sources import data_root
from t5x.errors import UserError

_MOST_OPEN = 32  # per thread; far below the 1,024 that many systems allow a process
_open_files = threading.local()


def full_path(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns where a declared path lies. Raises UserError for a relative one where no data folder is set."""
    given = pathlib.Path(path).expanduser()
    return given if given.is_absolute() else data_root.directory() / given


def why_missing(paths: Iterable[str]) -> str | None:
    """Returns why one of the files or folders cannot be read, in a few words; None where all can."""
    for path in paths:
        given = pathlib.Path(path).expanduser()
        if not given.is_absolute():
            try:
                given = data_root.directory() / given
            except UserError:
                return f"no data folder is set ({data_root.ENVIRONMENT_VARIABLE})"
        if not given.exists():
            return f"no file {path}"
        if given.is_file() and given.stat().st_size == 0:
            return f"empty file {path}"
    return None


def existing_file(path: str) -> pathlib.Path:
    """Returns the full path of a file that is there. Raises UserError where it is missing or empty."""
    found = full_path(path)
    if found.is_dir():
        raise UserError(f"The data file {str(found)!r} is a folder. Name a file in it.")
    if not found.is_file():
        raise UserError(f"The data file {str(found)!r} does not exist. Put it there, or name another place for it.")
    if found.stat().st_size == 0:
        raise UserError(f"The data file {str(found)!r} is empty. Fetch it again, or take its task out of the mixture.")
    return found


def is_gzip(path: pathlib.Path) -> bool:
    """Returns whether the file's name says that it is compressed."""
    return path.suffix == ".gz"


def gunzip(path: pathlib.Path) -> bytes:
    """Returns the decompressed content. Raises UserError where it is no whole gzip file."""
    try:
        with gzip.open(path, "rb") as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: is no whole gzip file ({error}). Fetch it again.") from None


def read_span(path: pathlib.Path, start: int, end: int) -> bytes:
    """Returns the bytes from `start` up to `end`."""
    files: collections.OrderedDict = _open_files.__dict__.setdefault("files", collections.OrderedDict())
    file = files.pop(path, None)
    if file is None:
        file = path.open("rb", buffering=0)
        if len(files) >= _MOST_OPEN:
            files.popitem(last=False)[1].close()
    files[path] = file
    # Not seek and read: a forked process shares the position of a file, and not what is read at a given one.
    return os.pread(file.fileno(), end - start, start)
