"""The data folder is set by gin or the environment, when data is read."""

from __future__ import annotations

import importlib.util  # gin 0.5.0 uses it without importing it
import subprocess
import sys

import pytest

import gin
from flan_mixtures.sources import data_root
from t5x.errors import UserError

assert importlib.util

BINDING = """
from __gin__ import dynamic_registration
from flan_mixtures.sources import data_root
data_root.directory.path = '{path}'
"""


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    monkeypatch.delenv(data_root.ENVIRONMENT_VARIABLE, raising=False)
    with gin.unlock_config():
        yield
        gin.clear_config()


def test_a_gin_binding_takes_effect_for_callers_in_python(tmp_path):
    gin.parse_config(BINDING.format(path=tmp_path))
    assert data_root.directory() == tmp_path


def test_the_gin_binding_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(data_root.ENVIRONMENT_VARIABLE, "/nowhere")
    gin.parse_config(BINDING.format(path=tmp_path))
    assert data_root.directory() == tmp_path


def test_the_environment_variable_is_read_at_the_call(tmp_path, monkeypatch):
    monkeypatch.setenv(data_root.ENVIRONMENT_VARIABLE, str(tmp_path))
    assert data_root.directory() == tmp_path


def test_no_data_folder_at_all_names_both_ways_to_set_one():
    with pytest.raises(UserError, match=r"FLAN_MIXTURES_DATA=.*data_root\.directory\.path"):
        data_root.directory()


def test_a_data_folder_that_is_not_there_is_named_with_where_it_was_set(monkeypatch):
    monkeypatch.setenv(data_root.ENVIRONMENT_VARIABLE, "/no/such/folder")
    with pytest.raises(UserError, match=r"'/no/such/folder', set by the environment variable FLAN_MIXTURES_DATA"):
        data_root.directory()


def test_gin_itself_stays_light(root):
    code = "import sys, flan_mixtures.sources.data_root; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"
