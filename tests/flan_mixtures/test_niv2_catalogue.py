"""Super-NaturalInstructions tasks are declared one by one, from the published names and from folders, without MMLU."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re

import pytest

from flan_mixtures.catalogue import niv2
from flan_mixtures.sources.natural_instructions import NaturalInstructionsSource
from t5x.errors import UserError


def write_task(folder, name):
    content = {
        "Definition": ["Say yes."],
        "Positive Examples": [{"input": "a", "output": "yes", "explanation": "as asked"}],
        "Instances": [{"id": "1", "input": "b", "output": ["yes"]}],
    }
    (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_1556_published_tasks_are_declared_and_none_is_from_mmlu():
    declared = niv2.declarations()
    assert len(declared) == 1556
    assert list(declared) == sorted(declared)
    assert not any("mmmlu" in task for task in declared)
    assert {len(declaration.sources) for declaration in declared.values()} == {3}


def test_the_declared_names_are_those_of_tfds_but_its_57_from_mmlu():
    package = pathlib.Path(importlib.util.find_spec("tensorflow_datasets").origin).parent
    builder = package / "datasets/natural_instructions/natural_instructions_dataset_builder.py"
    names = set(re.findall(r'"(task\d+_[^"]+)"', builder.read_text(encoding="utf-8")))
    from_mmlu = {name for name in names if niv2.is_from_mmlu(name)}
    assert len(from_mmlu) == 57
    assert set(niv2.declarations()) == names - from_mmlu


def test_a_task_of_tfds_is_a_filter_on_its_one_data_set():
    source = niv2.declarations()["task001_quoref_question_generation"].sources[-1]
    assert source["where"] == {"task_name": "task001_quoref_question_generation"}
    assert "exemplars" not in source


def test_a_name_that_the_table_cuts_has_its_full_form():
    declaration = niv2.declarations()["task348_squad2.0_unanswerable_question_generation"]
    assert declaration.category == "Question Generation"


def test_the_five_task_folders_are_found_with_their_fields_and_languages(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    found = niv2.discovered()
    assert set(found) == {path.name for path in (shared / "data/superni").glob("task*")}
    assert len(found) == 5
    for task, declaration in found.items():
        (source,) = declaration.sources
        opened = NaturalInstructionsSource(source["path"])
        record = opened.open("train")[0]
        assert {*declaration.fields.values(), declaration.answer["text"]} <= set(record)
        assert declaration.languages == ("English",)
        assert declaration.category == niv2.declarations()[task].category
        assert source["exemplars"] == niv2.EXEMPLARS
        assert callable(getattr(opened, source["exemplars"]))


def test_tasks_from_mmlu_are_left_out_unless_asked_for(tmp_path):
    write_task(tmp_path, "task900_my_own_task")
    write_task(tmp_path, "task685_mmmlu_answer_generation_clinical_knowledge")
    assert list(niv2.discovered(str(tmp_path))) == ["task900_my_own_task"]
    assert len(niv2.discovered(str(tmp_path), from_mmlu=True)) == 2
    assert niv2.discovered(str(tmp_path))["task900_my_own_task"].dataset == "task900_my_own_task"


def test_a_folder_without_tasks_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="holds no Super-NaturalInstructions tasks"):
        niv2.discovered(str(tmp_path))
