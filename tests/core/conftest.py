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


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs_are_kept():
    """Keeps compiled programs in a folder of the user's cache: most of these tests' time is compilation."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    from t5x.config.compilation_cache import default_folder

    settings = {"jax_persistent_cache_min_compile_time_secs": 0.1}
    if jax.config.jax_compilation_cache_dir is None:
        settings["jax_compilation_cache_dir"] = str(default_folder().parent / "tests")
    before = {name: getattr(jax.config, name) for name in settings}
    for values in (settings, before):
        for name, value in values.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()  # it looks at its settings only once
        if values is settings:
            yield
