"""The cache of compiled programs: where it is, who decides, and that a second process finds what the first compiled."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = str(pathlib.Path(__file__).resolve().parents[2])

PROGRAM = """
import jax
{before}
from t5x.config.compilation_cache import enable_compilation_cache
print(enable_compilation_cache())
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.jit(lambda x: x * 2 + 1)(3.0).block_until_ready()
"""


def cache_folder(home, before: str = "", **environment: str) -> str:
    """Returns what the function says in a fresh process."""
    variables = {k: v for k, v in os.environ.items() if k not in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env=variables | {"HOME": str(home), "JAX_PLATFORMS": "cpu", "PYTHONPATH": ROOT} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def test_compiled_programs_are_kept_in_the_users_cache(tmp_path):
    folder = tmp_path / ".cache/t5x/jax"
    assert cache_folder(tmp_path) == str(folder)
    assert any(folder.iterdir())


def test_the_cache_follows_xdg_cache_home(tmp_path):
    assert cache_folder(tmp_path, XDG_CACHE_HOME=str(tmp_path / "xdg")) == str(tmp_path / "xdg/t5x/jax")


def test_jaxs_own_variable_decides_when_it_is_set(tmp_path):
    assert cache_folder(tmp_path, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "chosen")) == str(tmp_path / "chosen")
    assert not (tmp_path / ".cache").exists()


def test_switching_the_cache_off_is_respected(tmp_path):
    assert cache_folder(tmp_path, before="jax.config.update('jax_enable_compilation_cache', False)") == "None"
    assert not (tmp_path / ".cache").exists()


def test_a_home_that_cannot_be_written_only_costs_the_cache(tmp_path):
    (tmp_path / "file").write_text("")
    assert cache_folder(tmp_path, XDG_CACHE_HOME=str(tmp_path / "file")) == "None"
