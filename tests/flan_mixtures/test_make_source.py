"""A mapping becomes a source, or an error that names what is wrong in it; slices work for every kind."""

from __future__ import annotations

import json

import pytest

import gin
from flan_mixtures.sources.make_source import KINDS, make_source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

FILES = {"train": "a.jsonl"}


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"kind": "jsnol", "files": FILES}, "the kind 'jsnol'. Did you mean 'jsonl'"),
        ({"files": FILES}, "has the kind None"),
        ({"kind": "jsonl"}, "A jsonl source lacks the key 'files'"),
        ({"kind": "jsonl", "file": FILES, "files": FILES}, "the unknown key 'file'. Did you mean 'files'"),
        ({"kind": "csv", "files": FILES, "columms": ["a"]}, "the unknown key 'columms'. Did you mean 'columns'"),
        ({"kind": "csv", "files": FILES, "escapes": True}, "the unknown key 'escapes'"),
        ({"kind": "jsonl", "files": "a.jsonl"}, "files = 'a.jsonl': expected a table"),
        ({"kind": "jsonl", "files": {}}, "not empty"),
        ({"kind": "tsv", "files": FILES, "columns": "a"}, "columns = 'a': expected a list"),
        ({"kind": "hf", "path": ""}, "path = '': expected a text, not empty"),
        ({"kind": "jsonl", "files": FILES, "on_malformed": "skip"}, "the unknown key 'on_malformed'"),
        ({"kind": "jsonl", "files": FILES, "splits": {"train": "train[10]"}}, "'train' of the source jsonl a.jsonl is"),
    ],
)
def test_a_mistake_in_a_mapping_is_named(mapping, words):
    with pytest.raises(UserError) as error:
        make_source(mapping)
    assert words in str(error.value)


def test_what_is_said_about_rows_is_not_the_sources_business():
    source = make_source({"kind": "jsonl", "files": FILES, "fields": {"a": "b"}, "answer": {}, "labels": {}})
    assert source.describe() == "jsonl a.jsonl"
    assert {kind: KINDS[kind].kind for kind in KINDS} == {kind: kind for kind in KINDS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train", range(20)),
        ("train[:-5]", range(15)),
        ("train[-5:]", range(15, 20)),
        ("train[3:7]", range(3, 7)),
        ("train[:28%]", range(6)),
        ("train[-10%:]", range(18, 20)),
        ("train[:99]", range(20)),
    ],
)
def test_slices_mean_what_they_mean_in_tfds(tmp_path, text, expected):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"n": n}) + "\n" for n in range(20)))
    mapping = {"kind": "jsonl", "files": {"train": str(tmp_path / "a.jsonl")}, "splits": {"validation": text}}
    source = make_source(mapping)
    assert source.splits == ("validation",)
    assert source.missing() is None
    records = source.open("validation")
    assert [record["n"] for record in records] == list(expected)
    assert records[-1]["n"] == expected[-1]
    with pytest.raises(IndexError):
        records[len(expected)]
    with pytest.raises(UserError, match="no split 'train'"):
        source.open("train")


@pytest.mark.parametrize("values", [{"on_missing": "ignore"}, {"on_malformed": "stpo"}])
def test_a_wrong_setting_is_refused_with_the_choices(values):
    with pytest.raises(UserError, match="expected one of 's"):
        SourceConfig(**values)


def test_the_config_can_be_bound_in_gin():
    try:
        gin.parse_config("SourceConfig.paths = {'rte': 'my/rte'}\nSourceConfig.on_malformed = 'skip'")
        assert SourceConfig() == SourceConfig(paths={"rte": "my/rte"}, on_malformed="skip")
    finally:
        gin.clear_config()
    assert SourceConfig().paths == {}
