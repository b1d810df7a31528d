"""Required values: all of them named at once, from the text alone and from the parsed config."""

from __future__ import annotations

import pytest
import toy_program

from t5x.config.gin_text import scan_bindings, scan_files
from t5x.config.parse import parse_gin_flags
from t5x.config.required_macros import check_parameters, check_text, required_in_text
from t5x.errors import UserError


def test_the_text_names_every_open_macro_with_its_comment(toy_gin):
    assert required_in_text(scan_files([toy_gin], [])) == {"MODEL_DIR": "folder of the run", "STEPS": ""}


def test_a_macro_that_is_used_and_never_defined_is_required(tmp_path):
    (tmp_path / "a.gin").write_text("B = %A\n")
    assert required_in_text(scan_files([str(tmp_path / "a.gin")], [])) == {"A": "used and never defined"}


def test_flags_fill_required_macros(toy_gin):
    check_text(scan_files([toy_gin], []) + scan_bindings(["MODEL_DIR = '/x'", "STEPS = 3"]))


def test_the_early_check_names_all_macros_and_the_flags_for_them(toy_gin):
    with pytest.raises(UserError, match=r"2 required values open: MODEL_DIR .*--gin\.MODEL_DIR=\.\.\. --gin\.STEPS="):
        check_text(scan_files([toy_gin], []))


def test_a_value_required_again_by_a_later_file_is_explained(tmp_path):
    (tmp_path / "run.gin").write_text("RATE = 0.1\n")
    (tmp_path / "model.gin").write_text("RATE = %gin.REQUIRED\n")
    files = [str(tmp_path / "run.gin"), str(tmp_path / "model.gin")]
    with pytest.raises(UserError, match=r"run\.gin:1 sets RATE = 0\.1, but .*model\.gin:1 is read after it"):
        check_text(scan_files(files, []))
    check_text(scan_files(files[::-1], []))


def test_the_parsed_config_names_macros_and_parameters_together(tmp_path, clean_gin):
    (tmp_path / "a.gin").write_text(
        "from __gin__ import dynamic_registration\nimport toy_program\n"
        "train/toy_program.DatasetConfig.seed = %gin.REQUIRED\ntoy_program.DatasetConfig.split = %ABSENT\n"
    )
    with pytest.raises(UserError) as caught:
        parse_gin_flags([], [str(tmp_path / "a.gin")], [])
    assert "train/toy_program.DatasetConfig.seed" in str(caught.value)
    assert "ABSENT (used by toy_program.DatasetConfig.split, never defined)" in str(caught.value)


def test_an_argument_that_nothing_binds_is_named_before_the_run(tmp_path, clean_gin):
    (tmp_path / "a.gin").write_text(
        "from __gin__ import dynamic_registration\nimport __main__ as train_script\nimport toy_program\n"
        "train_script.train.train_cfg = @train/toy_program.DatasetConfig()\n"
    )
    statements = parse_gin_flags([], [str(tmp_path / "a.gin")], [])
    with pytest.raises(UserError) as caught:
        check_parameters(toy_program.train, statements)
    for name in ("train_script.train.model,", "train_script.train.model_dir", "train/toy_program.DatasetConfig.split"):
        assert name in str(caught.value)


def test_a_complete_config_passes_every_check(toy_gin, clean_gin):
    statements = parse_gin_flags([], [toy_gin], ["MODEL_DIR = '/x'", "STEPS = 3"])
    check_parameters(toy_program.train, statements)
