"""Small functions for use inside gin files, where a value must be computed from others.

Source: names and parameters of T5X's `gin_utils`. Effects: registers them with gin.
"""

from __future__ import annotations

from typing import Any

import gin


@gin.configurable
def sum_fn(var1: Any = gin.REQUIRED, var2: Any = gin.REQUIRED) -> Any:
    """Returns `var1 + var2`."""
    return var1 + var2


@gin.configurable
def bool_fn(var1: Any = gin.REQUIRED) -> bool:
    """Returns whether `var1` is true."""
    return bool(var1)


@gin.configurable
def string_split_fn(
    text: str = gin.REQUIRED, separator: str = gin.REQUIRED, maxsplit: int = -1, index: int | None = None
) -> list[str] | str:
    """Returns the parts of `text` between separators, or the one at `index`."""
    parts = text.split(separator, maxsplit)
    return parts if index is None else parts[index]
