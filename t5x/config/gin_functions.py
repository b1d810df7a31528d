"""Small functions for use inside gin files, where a value must be computed from others.

Source: names and parameters of T5X's `gin_utils`, which registers them with gin when imported; here a file that names
them does (`from t5x import gin_utils`), as for everything else. Effects: none.
"""

from __future__ import annotations

from typing import Any


def sum_fn(var1: Any, var2: Any) -> Any:
    """Returns `var1 + var2`."""
    return var1 + var2


def bool_fn(var1: Any) -> bool:
    """Returns whether `var1` is true."""
    return bool(var1)


def string_split_fn(text: str, separator: str, maxsplit: int = -1, index: int | None = None) -> list[str] | str:
    """Returns the parts of `text` between separators, or the one at `index`."""
    parts = text.split(separator, maxsplit)
    return parts if index is None else parts[index]
