"""Super-NaturalInstructions task files are read by instance, with their definition and their own examples."""

from __future__ import annotations

import json

import pytest

from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.natural_instructions import discover, outputs
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

TASK = {
    "Source": ["none"],
    "Definition": ["Say ü.", "Then stop."],
    "Positive Examples": [{"input": "1 東", "output": ["one", "uno"], "explanation": "because"}],
    "Negative Examples": [],
    "Instances": [
        {"id": "task1-a", "input": 'a 🎈 \\ " ] }', "output": ["x", "y"]},
        {"input": "b\u2028" + "z" * 200_000, "output": "['p', \"q's\"]"},
        {"input": "c", "output": "[1, 2]", "more": {"Instances": []}},
    ],
    "Instance License": ["é"],
}


def write(path, task=TASK, **style):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(task, **style), encoding="utf-8")
    return make_source({"kind": "natural_instructions", "path": str(path)})


@pytest.mark.parametrize("style", [{}, {"ensure_ascii": False}, {"indent": 4, "ensure_ascii": False}])
def test_a_task_file_gives_its_instances_however_it_is_written(tmp_path, style):
    source = write(tmp_path / "task001_say.json", **style)
    assert source.splits == ("train",)
    records = source.open("train")
    assert len(records) == 3
    assert records[2] == {
        "input": "c",
        "output": ["[1, 2]"],
        "more": {"Instances": []},
        "id": "task001_say-2",
        "task": "task001_say",
        "definition": "Say ü. Then stop.",
    }
    assert [record["input"] for record in records] == [instance["input"] for instance in TASK["Instances"]]
    assert [record["id"] for record in records] == ["task1-a", "task001_say-1", "task001_say-2"]
    assert [record["output"] for record in records] == [["x", "y"], ["p", "q's"], ["[1, 2]"]]
    assert source.positive_examples() == ({"input": "1 東", "output": "one", "explanation": "because"},)


def test_output_written_as_a_list_of_texts_is_a_list_and_other_brackets_stay_text():
    assert outputs("['Catherine.']") == ["Catherine."]
    for text in ("[1, 2, 3]", "[a]", "['a', 1]", "[]", "", "[" * 5000 + "]" * 5000):
        assert outputs(text) == [text]
    assert outputs(7) == ["7"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"Instances": [{"input": "a", "output": ["x"]}, {"output": "x"}]},
            "instance 1 is malformed: it has no 'in",
        ),
        ({"Instances": [{"input": "a", "output": []}]}, "instance 0 is malformed: its 'output' is an empty list"),
        ({"Instances": ["text"]}, "instance 0 is malformed: expected a JSON object"),
        ({"Instances": []}, "has no instance"),
    ],
)
def test_a_malformed_instance_is_named_by_file_and_number(tmp_path, change, words):
    with pytest.raises(UserError, match=words) as error:
        write(tmp_path / "task1_a.json", {**TASK, **change}).open("train")
    assert "task1_a.json: " in str(error.value)


def test_malformed_instances_can_be_left_out_and_the_others_keep_their_numbers(tmp_path):
    path = tmp_path / "task1_a.json"
    write(path, {**TASK, "Instances": [{"input": "a"}, *TASK["Instances"]]})
    mapping = {"kind": "natural_instructions", "path": str(path)}
    records = make_source(mapping, SourceConfig(on_malformed="skip")).open("train")
    assert records.skipped == 1
    assert [record["id"] for record in records] == ["task1-a", "task1_a-2", "task1_a-3"]


@pytest.mark.parametrize("cut", [30, 150, -40, -1])
def test_a_file_cut_short_is_named_with_its_line(tmp_path, cut):
    source = write(tmp_path / "task1_a.json", ensure_ascii=False)
    text = (tmp_path / "task1_a.json").read_text(encoding="utf-8")
    (tmp_path / "task1_a.json").write_text(text[:cut], encoding="utf-8")
    with pytest.raises(UserError, match=r"task1_a\.json:1: not valid JSON"):
        source.open("train")


@pytest.mark.parametrize("key", ["Definition", "Positive Examples", "Instances"])
def test_a_json_file_that_is_no_task_is_named(tmp_path, key):
    task = {name: value for name, value in TASK.items() if name != key}
    with pytest.raises(UserError, match=f"has no '{key}'"):
        write(tmp_path / "task1_a.json", task).open("train")


def test_the_real_tasks_are_discovered_and_read_as_json_reads_them(shared):
    folder = shared / "data" / "superni"
    tasks = discover(str(folder))
    assert list(tasks) == sorted(path.name for path in folder.iterdir())
    assert len(tasks) == 5
    for name, mapping in tasks.items():
        source = make_source(mapping)
        assert source.missing() is None
        assert source.splits == ("train", "validation")
        records, whole = source.open("train"), json.loads((folder / name / "train.json").read_text())
        assert [(record["id"], record["input"]) for record in records] == [
            (instance["id"], instance["input"]) for instance in whole["Instances"]
        ]
        assert records[999]["definition"] == whole["Definition"][0].strip()
        assert all(isinstance(text, str) for record in records for text in record["output"])
        assert len(source.positive_examples()) == len(whole["Positive Examples"])
        assert len(source.open("validation")) == 100


def test_task_files_are_discovered_beside_each_other_and_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match="holds no Super-NaturalInstructions tasks"):
        discover(str(tmp_path))
    write(tmp_path / "task2_b.json")
    write(tmp_path / "task1_a.json")
    write(tmp_path / "task3_c" / "train.json")
    (tmp_path / "README.md").write_text("none")
    assert list(discover(str(tmp_path))) == ["task1_a", "task2_b", "task3_c"]
    assert discover(str(tmp_path))["task3_c"] == {"kind": "natural_instructions", "path": str(tmp_path / "task3_c")}
