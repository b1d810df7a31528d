"""What the tests of the core share."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(scope="session")
def golden(shared: pathlib.Path) -> dict[str, Any]:
    """Numbers that T5X's own functions gave (commit cc342d4, jax 0.10.2, CPU)."""
    return json.loads((shared / "golden" / "functions.json").read_text())


@pytest.fixture(scope="session", autouse=True)
def _compiled_programs_are_kept():
    """Keeps compiled programs in a folder of the user's cache: most of these tests' time is compilation."""
    import jax

    from t5x.config.compilation_cache import default_folder

    before = jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs
    if before[0] is None:
        jax.config.update("jax_compilation_cache_dir", str(default_folder().parent / "tests"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    yield
    jax.config.update("jax_compilation_cache_dir", before[0])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", before[1])
