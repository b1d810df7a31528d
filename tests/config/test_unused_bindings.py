"""Bindings without effect are found; everything that gin does use is left alone."""

from __future__ import annotations

import os

import pytest
import toy_program

import gin
from t5x.config import gin_files
from t5x.config.parse import parse_gin_flags
from t5x.config.unused_bindings import unused_bindings

SET = ["MODEL_DIR = '/x'", "STEPS = 3"]


def unused_with(toy_gin: str, *bindings: str) -> list[str]:
    """Returns the report for the toy config with further bindings, given as flags."""
    statements = parse_gin_flags([], [toy_gin], [*SET, *bindings])
    return [str(item) for item in unused_bindings(toy_program.train, statements)]


def test_a_config_in_which_everything_is_used_gives_no_report(toy_gin, clean_gin):
    assert unused_with(toy_gin) == []


def test_a_misspelt_scope_is_reported_with_the_scopes_in_use(toy_gin, clean_gin):
    (report,) = unused_with(toy_gin, "trian/toy_program.DatasetConfig.seed = 3")
    assert "nothing uses trian/toy_program.DatasetConfig.seed." in report
    assert "Did you mean 'train'" in report


def test_a_misspelt_macro_is_reported_with_the_nearest_one(toy_gin, clean_gin):
    (report,) = unused_with(toy_gin, "WIDHT = 16")
    assert report == "--gin.WIDHT: nothing uses WIDHT. Did you mean 'WIDTH'?"


def test_a_method_of_a_class_that_the_run_builds_counts_as_used(toy_gin, clean_gin):
    assert unused_with(toy_gin, "toy_program.Model.predict.num_decodes = 4") == []
    assert gin.query_parameter("toy_program.Model.predict.num_decodes") == 4


def test_what_the_run_no_longer_builds_is_reported_with_file_and_line(toy_gin, clean_gin):
    (report,) = unused_with(toy_gin, "train_script.train.eval_cfg = None")
    assert "toy.gin:23: nothing uses eval/toy_program.DatasetConfig.split" in report


def test_what_the_projects_own_files_bind_in_vain_is_no_mistake_of_the_user(toy_gin, tmp_path, clean_gin, monkeypatch):
    (tmp_path / "gin").mkdir()
    os.rename(toy_gin, tmp_path / "gin/toy.gin")
    monkeypatch.setattr(gin_files, "PACKAGE", tmp_path / "t5x")
    assert unused_with("gin/toy.gin", "train_script.train.eval_cfg = None") == []


def test_bindings_in_the_scope_of_a_macro_reach_what_the_macro_builds(toy_gin, clean_gin):
    assert unused_with(toy_gin, "MODEL/toy_program.Model.z_loss = 0.1") == []


def test_functions_that_python_calls_through_gin_count_as_used(toy_gin, clean_gin, monkeypatch):
    @gin.configurable(module="toy_program")
    def made_configurable(size=1):
        return size

    made_configurable.__wrapped__.__qualname__ = "made_configurable"
    made_configurable.__wrapped__.__module__ = "toy_program"
    monkeypatch.setattr(toy_program, "made_configurable", made_configurable, raising=False)
    assert unused_with(toy_gin, "made_configurable.size = 2") == []


@pytest.mark.parametrize("value", ["5", "None"])
def test_a_parameter_of_something_never_called_is_reported(toy_gin, clean_gin, value):
    reports = unused_with(
        toy_gin, "train_script.train.model = None", f"toy_program.make_network.width = {value}", "MODEL = None"
    )
    assert any("The run never calls toy_program.make_network" in report for report in reports)
