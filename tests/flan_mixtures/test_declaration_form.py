"""Slips in a declaration are named where they were made: the file, the key, its value, what was expected."""

from __future__ import annotations

import pytest

from flan_mixtures.catalogue import catalogue
from flan_mixtures.catalogue.declaration import parse
from t5x.errors import UserError

WHOLE = """
dataset = "weather"
templates = "passage_yes_no"
rows = 1200
languages = ["English"]
[fields]
title = "station"
passage = "report"
[answer]
options = ["yes", "no"]
label = "label"
[long]
passage = "tail"
[[sources]]
kind = "jsonl"
files = { train = "weather/train.jsonl" }
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("templates =", "tempaltes =", "unknown key 'tempaltes'. Did you mean 'templates'"),
        ('dataset = "weather"', "dataset = 3", "dataset = 3: expected a text"),
        ("rows = 1200", "rows = 0", "rows = 0: expected a positive whole number"),
        ("rows = 1200", 'rows = "many"', "rows = 'many'"),
        ('["English"]', '"English"', "languages = 'English': expected a list"),
        ('title = "station"', "title = 5", "fields = {'title': 5"),
        ('[fields]\ntitle = "station"\npassage = "report"', 'fields = "report"', "fields = 'report': expected a table"),
        ('["yes", "no"]', '"yes"', "[answer], has options = 'yes': expected a list"),
        ("label =", "lable =", "[answer], has the unknown key 'lable'. Did you mean 'label'"),
        ('label = "label"', "label = 1", "has label = 1: expected the name of a field"),
        ('label = "label"', 'label = "label"\nlabels = { a = "b" }', "has labels = {'a': 'b'}: expected a table from"),
        ('passage = "tail"', 'passage = "tial"', "expected a table that says for a field which part is cut"),
        ('passage = "tail"', 'pasage = "tail"', "long field 'pasage'"),
        ('"weather/train.jsonl"', "3", "source 1, has files = {'train': 3}"),
        ("files =", "where = 3\nfiles =", "source 1, has where = 3"),
        ("files =", "answer = { lable = 'x' }\nfiles =", "source 1, `answer`, has the unknown key 'lable'"),
    ],
)
def test_a_slip_in_a_declaration_is_named_with_its_value_and_what_was_expected(right, wrong, said):
    assert right in WHOLE
    with pytest.raises(UserError) as error:
        parse("weather", "mine", WHOLE.replace(right, wrong))
    assert said in str(error.value)
    assert "'weather'" in str(error.value)


def test_sources_that_are_no_tables_are_refused():
    start = WHOLE[: WHOLE.index("[fields]")]
    for given in ('"a.jsonl"', '["a.jsonl"]'):
        with pytest.raises(UserError, match=r"has sources = .*expected a table \[\[sources\]\]"):
            parse("weather", "mine", f"{start}sources = {given}\n")


def test_a_source_of_its_own_may_drop_what_the_task_says_of_the_answer():
    own = WHOLE.replace("files =", 'answer = { text = "said", label = "" }\nfiles =')
    assert parse("weather", "mine", own).sources[0]["answer"]["label"] == ""


def test_a_faulty_file_of_the_users_own_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(tmp_path))
    file = tmp_path / "tasks" / "mine" / "weather.toml"
    file.parent.mkdir(parents=True)
    for text, said in ((b"rows = [", "no TOML"), (b"# caf\xe9\n", "is not UTF-8 text")):
        file.write_bytes(text)
        with pytest.raises(UserError, match=said) as error:
            catalogue.tasks("mine")
        assert str(file) in str(error.value)
