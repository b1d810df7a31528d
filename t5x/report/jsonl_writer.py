"""Metrics in a plain text file: one JSON object a line, which any language reads without TensorBoard.

Enters: step (optimizer updates), tag -> number, or tag -> text.
Leaves: lines such as `{"step": 20, "time": 1767225600.123, "loss": 1.5}`; time is seconds since 1970, UTC.
JSON has no NaN or infinity, and a NaN loss is worth knowing: they are written as the strings "NaN", "Infinity" and
"-Infinity", which Python's `float` turns back.
Effects: writes the file, reads the clock.
"""

from __future__ import annotations

import errno
import json
import math
import os
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from t5x.errors import UserError


class JsonlWriter:
    """Appends one line a call, and goes on after a crash where the restored run goes on."""

    def __init__(
        self, path: str | os.PathLike[str], first_step: int | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Opens the file for appending.

        Args:
          path: the file; its folder is made if need be.
          first_step: the step the run was restored at. Lines after it are cut, since the run will write them again;
            None keeps all.
          clock: seconds since 1970.

        Raises:
          UserError: the file holds a damaged line before its end, or cannot be written.
        """
        self._path = pathlib.Path(path)
        self._clock = clock
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            cut_after(self._path, first_step)
            # Without a buffer: each line goes out in one write, so a killed run loses at most the line being written.
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def write_scalars(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Writes one line; values are anything `float` takes, one-element arrays among them."""
        self._write(step, {tag: _as_json(float(value)) for tag, value in scalars.items()})

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes one line of texts."""
        self._write(step, dict(texts))

    def flush(self) -> None:
        """Has the operating system put all lines on the disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def _write(self, step: int, values: Mapping[str, Any]) -> None:
        if clash := {"step", "time"} & values.keys():
            raise ValueError(f"A metric cannot be called {sorted(clash)}: every line has a step and a time already.")
        line = json.dumps({"step": int(step), "time": round(self._clock(), 3), **values}).encode() + b"\n"
        size = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, line) < len(line):
                os.ftruncate(self._descriptor, size)  # a disk that fills up takes half a line: leave whole ones
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise _cannot_write(self._path, error) from error


def read_jsonl(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Returns the objects of a file of JSON lines; an unfinished line at its end is left out.

    Raises:
      UserError: the file does not exist, or a line before its end is no JSON object.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; expected one that a run wrote, one JSON object a line.") from None
    return [row for row, _ in _parse(content, path)]


def _parse(content: bytes, path: str | os.PathLike[str]) -> list[tuple[dict[str, Any], bytes]]:
    """Returns (object, line without its end) of all lines; what a crash left at the end is dropped."""
    parsed: list[tuple[dict[str, Any], bytes]] = []
    damaged: int | None = None
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:  # not JSON, or not UTF-8
            row = None
        if not isinstance(row, dict):
            damaged = damaged or number
        elif damaged:
            # Only a crash's last line may be torn: anything else was not done by the writer.
            raise UserError(
                f"Line {damaged} of {path} is damaged: expected one JSON object a line. "
                f"Take that line out, or move the file away to start a new one."
            )
        else:
            parsed.append((row, line))
    return parsed


def cut_after(path: str | os.PathLike[str], first_step: int | None) -> None:
    """Rewrites a file without a torn end and without lines after `first_step`, in one rename; None cuts no step.

    Raises:
      UserError: the file holds a damaged line before its end.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return
    before = path.read_bytes()
    kept = [line for row, line in _parse(before, path) if first_step is None or row.get("step", 0) <= first_step]
    after = b"".join(line + b"\n" for line in kept)
    if after == before:
        return
    temporary = path.with_name(path.name + ".mending")
    with open(temporary, "wb") as file:
        file.write(after)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _as_json(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _cannot_write(path: pathlib.Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(
        f"Metrics cannot be written to {path}: {reason}. What was written before is kept; free space or mend the "
        f"folder's rights, then start the run again: it goes on from its last checkpoint."
    )
