"""Reads one UTF-8 text file.

Enters: a path. Leaves: its text, line ends as they are in the file. Effects: reads the file.
"""

from __future__ import annotations

import pathlib

from t5x.errors import UserError, nearest


def read_text(path: pathlib.Path) -> str:
    """Returns the text of `path`. Raises UserError where it is missing (with the nearest names) or not UTF-8."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(f"The file {str(path)!r} does not exist.{_what_is_there(path)}")
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}:{line}: the byte {content[error.start]:#04x} is not UTF-8 text. Save the file as UTF-8."
        ) from None


def _what_is_there(path: pathlib.Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f" Its folder {str(folder)!r} does not exist either; check the data folder that is set."
    names = [entry.name for entry in folder.iterdir()]
    return nearest(path.name, names) or f" Its folder holds {len(names)} entries, none with a similar name."
