"""A folder in the user's cache where jax keeps compiled programs, so that the second start of a run skips compiling.

On by default. `JAX_COMPILATION_CACHE_DIR` or --jax_compilation_cache_dir moves it, --jax_enable_compilation_cache=false
turns it off. Effects: makes the folder, sets jax's config. Source: the XDG base directory rules for its place.
"""

from __future__ import annotations

import logging
import os
import pathlib

logger = logging.getLogger(__name__)


def default_folder() -> pathlib.Path:
    """Returns the folder in the user's cache: $XDG_CACHE_HOME/t5x/jax, or ~/.cache/t5x/jax."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say to ignore a relative path.
    root = pathlib.Path(base) if os.path.isabs(base) else pathlib.Path.home() / ".cache"
    return root / "t5x" / "jax"


def enable_compilation_cache() -> str | None:
    """Turns the persistent cache on unless the user turned it off or chose a folder. Returns the folder in use."""
    import jax

    if not jax.config.jax_enable_compilation_cache:
        return None
    if jax.config.jax_compilation_cache_dir is not None:
        return jax.config.jax_compilation_cache_dir
    try:
        folder = default_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # a read-only or absent home; the run is slower to start, nothing else
        logger.warning("No compilation cache: %s. Set JAX_COMPILATION_CACHE_DIR to a folder you can write.", error)
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return str(folder)
