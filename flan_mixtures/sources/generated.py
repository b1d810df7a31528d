"""Rows that a Python function makes: `kind = "generated"`.

    function = "flan_mixtures.mini.records:record"  # called as function(split, index, **arguments)
    counts = { train = 5000, validation = 50 }      # rows of each split
    arguments = { family = "arithmetic" }           # optional

The function returns the record, always the same one for the same split, index and arguments.
Effects: imports the module when a row is first asked for, or whether it is missing.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import file_of
from t5x.errors import UserError, nearest


class GeneratedSource:
    """A function as a source."""

    kind = "generated"

    def __init__(self, function: str, counts: Mapping[str, int], arguments: Mapping[str, Any] | None = None):
        for split, count in counts.items():
            if not isinstance(count, int) or count < 1:
                raise UserError(
                    f"The generated source {function!r} has {count!r} rows of {split!r}: expected a number from 1."
                )
        self._function = function
        self._counts = dict(counts)
        self._arguments = dict(arguments or {})

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._counts)

    def describe(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())
        return f"generated {self._function}({arguments})"

    def missing(self) -> str | None:
        try:
            _find(self._function)
        except UserError as error:
            return str(error)
        return None

    def open(self, split: str) -> Sequence[Record]:
        count = file_of(self._counts, split, self.describe())
        return GeneratedRecords(functools.partial(_find(self._function), split, **self._arguments), count)


class GeneratedRecords(Sequence[Record]):
    """Records made when they are asked for."""

    def __init__(self, make: Callable[[int], Record], count: int):
        self._make = make
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Record:
        return self._make(range(self._count)[index])


def _find(function: str) -> Callable[..., Record]:
    module_name, colon, name = function.partition(":")
    if not colon or not name:
        raise UserError(f"The generated source's function is {function!r}: expected 'module:function'.")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UserError(f"The module of the generated source {function!r} cannot be imported: {error}.") from None
    found = getattr(module, name, None)
    if not callable(found):
        raise UserError(f"The module {module_name!r} has no function {name!r}.{nearest(name, dir(module))}")
    return found
