"""The lookup table is the published one, without repetitions and with one form of languages, joined to our tasks."""

from __future__ import annotations

import ast
import collections
import csv

import pytest

from flan_mixtures.catalogue.listing import listings
from flan_mixtures.catalogue.table import collection, declared, entry
from t5x.errors import UserError


def test_every_published_line_is_there_once_and_unchanged(shared):
    def languages(text):
        return tuple(ast.literal_eval(text)) if text.startswith("[") else (text,)

    with (shared / "data/flan_cot/flan_collection_info.csv").open(encoding="utf-8") as file:
        published = [(*list(line.values())[:4], languages(line["Languages"])) for line in csv.DictReader(file)]
    assert len(published) == 1945
    ours = [
        (line.source, line.dataset, line.specific_category, line.generic_category, line.languages)
        for line in listings()
    ]
    assert ours == list(dict.fromkeys(published))
    assert len(ours) == 1943


def test_languages_are_plain_names():
    names = {language for line in collection() for language in line.languages}
    assert len(names) == 60
    assert all(name and not set(name) & set("[]'\",;") for name in names)


def test_every_declared_task_has_its_line_and_every_named_task_is_declared():
    assert declared().keys() == {line.task for line in collection() if line.task}


def test_every_task_has_a_licence_and_a_loader_and_all_but_niv2_a_size():
    for line in collection():
        if line.task:
            assert line.licence
            assert line.loader
            assert line.rows or line.source == "NIv2"


def test_the_table_names_as_many_tasks_as_the_collection_has():
    tasks = collections.defaultdict(set)
    for line in collection():
        tasks[line.source.removesuffix("/T0")].add(line.task)
    counts = {source: len(names - {""}) for source, names in tasks.items()}
    assert counts == {"FLAN": 71, "T0": 193, "NIv2": 1556, "CoT": 9, "Dialog": 2, "Program Synthesis": 0}


def test_what_the_public_code_cannot_build_has_no_task():
    without = {line.dataset for line in collection() if not line.task}
    assert {name for name in without if not name.startswith(("dr_repair", "dmcc"))} == {
        "task_master",
        "trivia_qa_wiki_missing",
    }


def test_inverted_lines_are_marked():
    inverted = collections.Counter(line.source for line in listings() if line.inverted)
    # Flan 2021: each of its 71 datasets (MNLI once) is there forward and inverted. CoT: three of four lines per set.
    assert inverted["FLAN"] + inverted["FLAN/T0"] == 71
    assert inverted["CoT"] == 27
    assert inverted["Dialog"] == 3
    assert not inverted["T0"]
    assert not inverted["NIv2"]


def test_the_halves_of_mnli_have_an_entry_each():
    for task in ("mnli_matched", "mnli_mismatched"):
        assert entry(task).generic_category == "Natural Language Inference"


def test_an_entry_carries_what_the_declaration_says():
    line = entry("cot_gsm8k")
    assert (line.rows, line.licence, line.inverted) == (7473, "MIT", False)
    assert line.specific_category == "Grade School Math Word Problems"
    assert line.loader.startswith("tsv flan_cot/gsm8k_train.tsv; jsonl gsm8k/train.jsonl")
    assert entry("wiki_qa_exercise").loader == "p3 p3_sample/wiki_qa_exercise.jsonl; hf P3/wiki_qa_exercise"
    assert entry("task1250_ted_translation_it_ar").languages == ("English", "Italian", "Arabic")


def test_an_unknown_task_is_the_users_mistake_and_the_nearest_name_is_given():
    with pytest.raises(UserError, match=r"no task 'cot_gsm9k'.*'cot_gsm8k'"):
        entry("cot_gsm9k")
