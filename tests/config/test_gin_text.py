"""Gin as text: statements, includes, macros and comments, without gin."""

from __future__ import annotations

import pytest

from t5x.config.gin_text import Statement, scan_files, statements_in
from t5x.errors import UserError

TEXT = """
# A comment that belongs to nothing.
import seqio
include 'other.gin'
A = 1  # how many
train/utils.DatasetConfig.seed = 3
utils.DatasetConfig:
  # about the split
  split = 'train % test'  # not a macro
  lengths = {'inputs': %LENGTH,
             'targets': 4}
B = [%A, %scoped/NAME, %gin.REQUIRED]
"""


def test_bindings_blocks_and_includes_are_read_in_order():
    found = statements_in(TEXT, "x.gin")
    assert found[0] == "other.gin"
    assert [item.key for item in found if isinstance(item, Statement)] == [
        "A",
        "train/utils.DatasetConfig.seed",
        "utils.DatasetConfig.split",
        "utils.DatasetConfig.lengths",
        "B",
    ]


def test_macros_are_seen_in_values_but_not_in_strings():
    macros = {item.key: item.macros for item in statements_in(TEXT) if isinstance(item, Statement)}
    assert macros["utils.DatasetConfig.split"] == ()
    assert macros["utils.DatasetConfig.lengths"] == ("LENGTH",)
    assert macros["B"] == ("A", "scoped/NAME", "gin.REQUIRED")


def test_comments_and_places_stay_with_their_statement():
    first = next(item for item in statements_in(TEXT, "x.gin") if isinstance(item, Statement))
    assert (first.comment, first.place, first.value) == ("how many", "x.gin:5", "1")


def test_a_missing_include_names_the_file_that_includes_it(tmp_path):
    (tmp_path / "a.gin").write_text("include 'absent.gin'\n")
    with pytest.raises(UserError, match=r"a\.gin includes 'absent\.gin'.*Searched: "):
        scan_files([str(tmp_path / "a.gin")], [])


def test_files_that_include_each_other_are_refused(tmp_path):
    (tmp_path / "a.gin").write_text("include 'b.gin'\n")
    (tmp_path / "b.gin").write_text("include 'a.gin'\n")
    with pytest.raises(UserError, match="includes it again"):
        scan_files(["a.gin"], [str(tmp_path)])


def test_unfinished_text_is_refused_with_its_file(tmp_path):
    (tmp_path / "a.gin").write_text("A = [1,\n")
    with pytest.raises(UserError, match=r"a\.gin: this is no valid gin text"):
        scan_files([str(tmp_path / "a.gin")], [])
