"""Splits held out of training rows by content, and where a row of them stands in its file."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from flan_mixtures.catalogue.declaration import declarations, parse
from flan_mixtures.catalogue.task_rows import TaskRows
from flan_mixtures.sources.available import source_mappings
from flan_mixtures.sources.held_out import side
from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

SHARES = {"validation": 0.02, "test": 0.05}

DECLARATION = parse(
    "mine",
    "cot",
    """
    dataset = "mine"
    templates = "cot_question"
    fields = { question = "q" }
    answer = { text = "a" }
    [[sources]]
    kind = "tsv"
    files = { train = "rows.tsv" }
    columns = ["q", "a"]
    hold_out = { validation = 0.3 }
    """,
)


def write(path, questions):
    path.write_text("".join(json.dumps({"q": question, "a": "x"}) + "\n" for question in questions))
    return {"kind": "jsonl", "files": {"train": str(path)}, "hold_out": SHARES}


def questions_of(mapping, split):
    return [record["q"] for record in make_source(mapping).open(split)]


def test_every_row_is_in_one_split_and_each_has_about_its_share(tmp_path):
    mapping = write(tmp_path / "a.jsonl", [f"question {i}" for i in range(5000)])
    source = make_source(mapping)
    assert source.splits == ("train", "validation", "test")
    found = {split: questions_of(mapping, split) for split in source.splits}
    assert sorted(question for questions in found.values() for question in questions) == sorted(
        f"question {i}" for i in range(5000)
    )
    assert 70 < len(found["validation"]) < 130  # 100 expected, standard deviation 10
    assert 205 < len(found["test"]) < 295
    assert found["train"] == sorted(found["train"], key=lambda question: int(question.split()[1]))  # file order


def test_a_row_stays_in_its_split_when_others_are_moved_removed_or_repeated(tmp_path):
    questions = [f"question {i}" for i in range(2000)]
    before = set(questions_of(write(tmp_path / "a.jsonl", questions), "validation"))
    changed = random.Random(1).sample(questions, 1000)
    after = questions_of(write(tmp_path / "b.jsonl", changed + changed), "validation")
    assert set(after) == before & set(changed)
    assert len(after) == 2 * len(set(after))


def test_the_side_of_a_row_is_the_same_on_every_machine():
    # blake2b of `hold out/` and the record as JSON with sorted names; a change here moves rows into training.
    sides = [side({"q": f"{i}", "a": "x"}, {"validation": 0.5}) for i in range(6)]
    assert sides == ["validation", "train", "validation", "validation", "train", "train"]
    assert side({"a": "x", "q": "0"}, {"validation": 0.5}) == "validation"


def test_a_split_that_the_source_has_is_left_as_it_is(tmp_path):
    mapping = write(tmp_path / "a.jsonl", [f"question {i}" for i in range(500)])
    (tmp_path / "v.jsonl").write_text('{"q": "own", "a": "x"}\n')
    mapping["files"]["validation"] = str(tmp_path / "v.jsonl")
    assert make_source(mapping).splits == ("train", "validation", "test")
    assert questions_of(mapping, "validation") == ["own"]
    assert len(questions_of(mapping, "train")) + len(questions_of(mapping, "test")) == 500


def test_a_local_copy_of_a_data_set_holds_out_as_the_declared_source_does(tmp_path):
    (tmp_path / "copy.tsv").write_text("q\ta\n")
    local, declared = source_mappings(DECLARATION, SourceConfig(paths={"mine": str(tmp_path / "copy.tsv")}))
    assert local["hold_out"] == declared["hold_out"] == {"validation": 0.3}


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"validation": 0}, r"validation = 0: expected"),
        ({"validation": 1.0}, r"validation = 1\.0: expected"),
        ({"validation": "2%"}, r"validation = '2%': expected"),
        (0.02, r"holds out 0\.02: expected a table"),
        ({"train": 0.5}, r"train = 0\.5: expected a split other than 'train'"),
        ({"validation": 0.5, "test": 0.5}, "nothing is left to train on"),
    ],
)
def test_a_share_that_cannot_be_held_out_is_refused(tmp_path, shares, words):
    with pytest.raises(UserError, match=words):
        make_source({**write(tmp_path / "a.jsonl", ["q"]), "hold_out": shares})


@pytest.mark.parametrize("name", ["rows.tsv", "rows.tsv.gz"])
def test_an_empty_field_in_a_held_out_split_is_named_by_file_and_line(tmp_path, name):
    content = "".join(f"question {i}\t{'' if i == 40 else i}\n" for i in range(60)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    mapping = {**DECLARATION.sources[0], "files": {"train": str(path)}}
    source = make_source(mapping)
    (split,) = (split for split in source.splits if any(not record["a"] for record in source.open(split)))
    with pytest.raises(UserError, match=rf"{name}:41: Row 'mine/{split}/.*the field 'a' is empty"):
        list(TaskRows(DECLARATION, source, split, mapping))


def test_every_chain_of_thought_task_holds_out_about_two_percent(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    for task, declaration in declarations("cot").items():
        for mapping in declaration.sources:
            source = make_source(mapping)
            assert "validation" in source.splits, task
            if source.missing() is None:
                sizes = {split: len(source.open(split)) for split in ("train", "validation")}
                assert 0.01 < sizes["validation"] / sum(sizes.values()) < 0.03, task
                assert sum(sizes.values()) == declaration.rows
