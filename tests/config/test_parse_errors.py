"""What gin refuses, as one paragraph with place and nearest names."""

from __future__ import annotations

import pytest

from t5x.config.parse import parse_gin_flags
from t5x.errors import UserError

SET = ["MODEL_DIR = '/x'", "STEPS = 3"]


def refusal(files: list[str], bindings: list[str]) -> str:
    """Returns the message with which these files and bindings are refused."""
    with pytest.raises(UserError) as caught:
        parse_gin_flags([], files, bindings)
    return str(caught.value)


def with_line(toy_gin: str, line: str) -> str:
    """Returns the refusal of the toy config with one more line."""
    with open(toy_gin, "a") as file:
        file.write(line + "\n")
    return refusal([toy_gin], SET)


def test_a_misspelt_parameter_names_file_line_and_the_nearest_parameter(toy_gin, clean_gin):
    message = with_line(toy_gin, "train/toy_program.DatasetConfig.sed = 3")
    assert "toy.gin, line 25" in message
    assert "no parameter 'sed'. Did you mean 'seed'" in message
    assert "It takes split, seed, batch_size." in message


def test_a_misspelt_parameter_in_a_flag_names_the_flag(toy_gin, clean_gin):
    message = refusal([toy_gin], [*SET, "toy_program.DatasetConfig.splitt = 'x'"])
    assert "--gin.toy_program.DatasetConfig.splitt" in message
    assert "Did you mean 'split'" in message


def test_a_misspelt_class_names_the_nearest_of_its_module(toy_gin, clean_gin):
    message = with_line(toy_gin, "toy_program.DatsetConfig.seed = 3")
    assert "toy_program has no 'DatsetConfig'" in message
    assert "'DatasetConfig'" in message


def test_a_misspelt_class_in_a_flag_names_the_nearest(toy_gin, clean_gin):
    assert "'DatasetConfig'" in refusal([toy_gin], [*SET, "toy_program.DatsetConfig.seed = 3"])
    assert "'DatasetConfig'" in refusal([toy_gin], [*SET, "DatsetConfig.seed = 3"])


def test_a_misspelt_method_names_the_nearest_of_its_class(toy_gin, clean_gin):
    message = with_line(toy_gin, "toy_program.Model.predct.num_decodes = 3")
    assert "toy_program.Model has no 'predct'" in message
    assert "'predict'" in message


def test_a_file_made_for_another_command_is_explained(toy_gin, clean_gin):
    message = with_line(toy_gin, "train_script.evaluate.model = 3")
    assert "this command has no 'evaluate'; the file is made for another one" in message


def test_a_name_that_the_file_does_not_import_is_explained(toy_gin, clean_gin):
    assert "Did you mean 'toy_program'" in with_line(toy_gin, "toy_programs.DatasetConfig.seed = 3")


def test_a_misspelt_reference_is_explained(toy_gin, clean_gin):
    assert "'make_network'" in with_line(toy_gin, "toy_program.Model.network = @toy_program.make_netwrk()")


def test_a_module_that_does_not_exist_is_explained(tmp_path, clean_gin):
    (tmp_path / "a.gin").write_text("import module_that_does_not_exist\n")
    message = refusal([str(tmp_path / "a.gin")], [])
    assert "module_that_does_not_exist" in message
    assert "PYTHONPATH" in message


def test_an_error_inside_an_imported_module_keeps_its_traceback(tmp_path, clean_gin, monkeypatch):
    (tmp_path / "module_with_a_defect.py").write_text("import module_that_does_not_exist\n")
    (tmp_path / "a.gin").write_text("import module_with_a_defect\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="module_that_does_not_exist"):
        parse_gin_flags([], [str(tmp_path / "a.gin")], [])


def test_a_line_that_is_no_gin_names_file_and_line(toy_gin, clean_gin):
    message = with_line(toy_gin, "A = my_task")
    assert "toy.gin, line 25" in message
    assert "no valid gin" in message


def test_a_flag_that_is_no_gin_is_named(toy_gin, clean_gin):
    assert "--gin.X = [1 2]" in refusal([toy_gin], [*SET, "X = [1 2]"])


def test_a_user_error_raised_while_parsing_keeps_its_words_and_gains_the_place(tmp_path, clean_gin):
    (tmp_path / "a.gin").write_text("import module_that_refuses\n")
    (tmp_path / "module_that_refuses.py").write_text(
        "from t5x.errors import UserError\nraise UserError('No data here.')\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        message = refusal([str(tmp_path / "a.gin")], [])
    assert message.startswith("No data here. Named by ")
    assert "In file" not in message
