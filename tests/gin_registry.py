"""Gin's registry, lent to one test: gin cannot forget a function, and several programs here call theirs `train`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def lent_registry() -> Iterator[None]:
    """What is registered or configured inside is gone afterwards."""
    import gin

    names = ("_REGISTRY", "_INVERSE_REGISTRY", "_RENAMED_SELECTORS")
    kept = {name: getattr(gin.config, name) for name in names}
    gin.clear_config(clear_constants=True)
    for name, value in kept.items():
        setattr(gin.config, name, value.copy())
    try:
        yield
    finally:
        gin.clear_config(clear_constants=True)
        for name, value in kept.items():
            setattr(gin.config, name, value)
