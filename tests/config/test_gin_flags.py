"""--gin.X=Y: which values gin reads as they are, which are quoted, which are refused."""

from __future__ import annotations

import pytest

from t5x.config.gin_flags import rewrite_gin_args
from t5x.errors import UserError


def rewritten(value: str) -> str:
    """Returns the value's text after rewriting `--gin.X=value`."""
    (binding,) = rewrite_gin_args([f"--gin.X={value}"])
    return binding.removeprefix("--gin_bindings=X = ")


@pytest.mark.parametrize(
    "value",
    [
        "1", "-1", "0.1", "1e-3", "-2.5e-05", "True", "False", "None", "'a'", '"a b"', "[1, 2]", "(1,)",
        "{'inputs': 512}",        "@models.Model()", "@train/utils.DatasetConfig()", "@trainer.Trainer", "%MACRO",
        "%gin.REQUIRED", "[@a.B, %C]",
        "'a' 'b'",
    ],
)  # fmt: skip
def test_a_gin_literal_stays_as_it_is(value):
    assert rewritten(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "/a/path", "my_task", "gs://bucket/dir", "relative/path_1", "name:with:colons", "my-task", "1e-3/foo",
        "2024-01-01",        "007", "a b", "it's", "5#6", "-", "t5.1.1", "~/runs", "a=b", "$HOME", "x,y", "1 2",
    ],
)  # fmt: skip
def test_any_other_value_becomes_a_string(value):
    assert rewritten(value) == repr(value)


@pytest.mark.parametrize("value", ["[1, 2", "{'a': 1", '"abc', "@foo bar", "%"])
def test_broken_gin_syntax_is_left_for_gin_to_refuse(value):
    assert rewritten(value) == value


@pytest.mark.parametrize("value", ["true", "false", "none", "null", "NONE"])
def test_words_for_literals_in_other_languages_are_refused_not_quoted(value):
    with pytest.raises(UserError, match=r"gin writes this value (True|False|None)"):
        rewritten(value)


def test_an_empty_value_is_refused():
    with pytest.raises(UserError, match="has no value"):
        rewritten("")


def test_a_missing_equals_sign_is_a_value_error():
    with pytest.raises(ValueError, match="is no gin binding"):
        rewrite_gin_args(["--gin.X", "3"])


def test_names_with_scopes_and_other_arguments_pass_through():
    assert rewrite_gin_args(["--gin_file=a.gin", "--gin.train/utils.DatasetConfig.seed=3", "--dry_run"]) == [
        "--gin_file=a.gin",
        "--gin_bindings=train/utils.DatasetConfig.seed = 3",
        "--dry_run",
    ]
