"""Files, then flags: the order, what flags can reach, and the lock."""

from __future__ import annotations

import toy_program

import gin
from t5x.config.parse import parse_gin_flags

SET = ["MODEL_DIR = '/x'", "STEPS = 3"]


def test_flags_override_files_and_later_files_override_earlier_ones(toy_gin, tmp_path, clean_gin):
    (tmp_path / "later.gin").write_text("WIDTH = 9\nSTEPS = 5\n")
    parse_gin_flags([], [toy_gin, str(tmp_path / "later.gin")], ["STEPS = 7", "MODEL_DIR = '/x'"])
    assert gin.query_parameter("WIDTH/macro.value") == 9
    assert gin.query_parameter("STEPS/macro.value") == 7


def test_a_flag_can_bind_a_method_that_no_file_names(toy_gin, clean_gin):
    parse_gin_flags([], [toy_gin], [*SET, "toy_program.Model.predict.num_decodes = 6"])
    model = gin.get_configurable(toy_program.Model)()
    assert model.predict() == 6


def test_a_flag_can_refer_to_a_function_that_no_file_names(tmp_path, clean_gin):
    (tmp_path / "a.gin").write_text(
        "from __gin__ import dynamic_registration\nimport toy_program\ntoy_program.Model.z_loss = 0.5\n"
    )
    parse_gin_flags([], [str(tmp_path / "a.gin")], ["toy_program.Model.network = @toy_program.make_network()"])
    assert gin.get_configurable(toy_program.Model)().network == 8


def test_the_config_is_locked_unless_asked_otherwise(toy_gin, clean_gin):
    parse_gin_flags([], [toy_gin], SET, finalize_config=False)
    assert not gin.config_is_locked()
    gin.clear_config()
    parse_gin_flags([], [toy_gin], SET)
    assert gin.config_is_locked()


def test_an_unfinished_config_passes_when_it_is_not_final(toy_gin, clean_gin):
    parse_gin_flags([], [toy_gin], [], finalize_config=False)
