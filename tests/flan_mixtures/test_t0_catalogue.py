"""The T0 catalogue has the published prompts, counts and sizes, and takes in prompt files of the user's own."""

from __future__ import annotations

import collections
import csv

import pytest

from flan_mixtures.catalogue import t0
from flan_mixtures.sources import p3
from t5x.errors import UserError

# Prompts per data set, as published with the Flan Collection.
PROMPTS = {
    "duorc": 18,
    "adversarial_qa": 15,
    "quail": 13,
    "ropes": 12,
    "quoref": 11,
    "wiki_qa": 11,
    "cos_e": 11,
    "amazon_polarity": 9,
    "wiki_hop": 9,
    "qasc": 8,
    "quartz": 8,
    "race_high": 8,
    "race_middle": 8,
    "wiqa": 8,
    "social_i_qa": 6,
    "dream": 5,
    "kilt_tasks": 5,
    "quarel": 5,
    "sciq": 5,
    "web_questions": 5,
    "wiki_bio": 5,
    "app_reviews": 4,
    "dbpedia_14": 4,
}


def test_193_prompts_of_23_data_sets_with_the_published_number_each():
    counts = collections.Counter(declaration.dataset for declaration in t0.declarations().values())
    assert counts == PROMPTS
    assert sum(counts.values()) == 193


def test_the_three_types_have_the_published_counts():
    counts = collections.Counter(declaration.templates for declaration in t0.declarations().values())
    assert counts == {"prompt_question": 104, "prompt_choice": 70, "prompt_choice_separate": 19}


def test_sizes_add_up_to_the_published_sums():
    rows = [declaration.rows for declaration in t0.declarations().values()]
    assert round(sum(rows) / 1e6, 1) == 42.9
    assert sum(min(count, 20_000) for count in rows) == pytest.approx(2.72e6, rel=0.003)
    assert sum(count >= 20_000 for count in rows) == 89


def test_the_names_are_those_of_the_published_table(shared):
    with (shared / "data/flan_cot/flan_collection_info.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Source"] == "T0"]
    declared = {task: declaration.category for task, declaration in t0.declarations().items()}
    assert declared == {row["Specific Task Category"]: row["Generic Task Category"] for row in rows}


def test_tasks_are_sorted_and_their_sources_name_their_own_file():
    declared = t0.declarations()
    assert list(declared) == sorted(declared)
    for task, declaration in declared.items():
        first, second = declaration.sources
        assert (declaration.task, declaration.submixture) == (task, "t0")
        assert first == {"kind": "p3", "files": {"train": f"p3_sample/{task}.jsonl"}}
        assert (second["kind"], second["path"]) == ("hf", f"P3/{task}")


def test_with_the_samples_every_file_but_the_empty_one_can_be_read(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    extra = t0.discovered()
    names = {path.stem for path in (shared / "data/p3_sample").glob("*.jsonl")}
    assert set(extra) == names - set(t0.declarations())
    assert len(extra) == 10
    sources = {task: p3.P3Source(files=declaration.sources[0]["files"]) for task, declaration in extra.items()}
    assert {task for task, source in sources.items() if source.missing()} == {"trec_fine_grained_ENTY"}
    assert {len(source.open("train")) for source in sources.values() if not source.missing()} == {200}


def test_a_file_of_the_users_own_is_found_and_the_193_are_not_found_again(tmp_path):
    for name in ("my_prompt", "wiki_qa_exercise"):
        (tmp_path / f"{name}.jsonl").write_text('{"prompt": "a", "completion": "b"}\n', encoding="utf-8")
    (declaration,) = t0.discovered(str(tmp_path)).values()
    assert declaration.task == declaration.dataset == "my_prompt"
    assert declaration.sources[0]["files"]["train"] == str(tmp_path / "my_prompt.jsonl")


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match=r"absent.*holds no P3 files"):
        t0.discovered(str(tmp_path / "absent"))
