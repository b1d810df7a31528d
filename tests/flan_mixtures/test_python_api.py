"""`import flan_mixtures` is light, and prompts and mixtures are plain dicts without a machine-learning library."""

from __future__ import annotations

import itertools
import json
import pathlib
import pickle
import subprocess
import sys

import pytest

import flan_mixtures
from flan_mixtures.rendering.tokenizer import tokenizer
from t5x.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAIR = {"premise": "All cats sleep.", "hypothesis": "Tom, a cat, sleeps.", "answer": "yes", "options": ["yes", "no"]}


def in_a_new_process(code: str, *arguments: str) -> dict:
    ran = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_importing_the_package_imports_nothing_heavy():
    code = "import json, sys, flan_mixtures; dir(flan_mixtures); print(json.dumps({'modules': sorted(sys.modules)}))"
    modules = {name.partition(".")[0] for name in in_a_new_process(code)["modules"]}
    assert not modules & {"numpy", "tensorflow", "seqio", "jax", "sentencepiece", "pyarrow", "gin", "t5x"}


def test_neither_a_prompt_nor_a_hundred_examples_need_a_machine_learning_library(mine, small_vocabulary):
    code = """
import itertools, json, sys
import flan_mixtures
prompt = flan_mixtures.render("agrees", index=2, style="fsopt", lengths=(900, 90), vocabulary=sys.argv[1])
found = flan_mixtures.examples("mine_submix", inputs_length=200, targets_length=60, vocabulary=sys.argv[1])
count = len(list(itertools.islice(found, 100)))
print(json.dumps({"prompt": prompt, "count": count, "modules": sorted(sys.modules)}))
"""
    said = in_a_new_process(code, str(small_vocabulary))
    assert said["count"] == 100
    assert said["prompt"]["row_id"] == "agrees/train/2"
    modules = {name.partition(".")[0] for name in said["modules"]}
    assert not modules & {"tensorflow", "tensorflow_text", "tensorflow_datasets", "seqio", "jax", "flax", "torch"}


def test_what_the_package_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="renderer"):
        _ = flan_mixtures.renderer
    assert {"render", "examples", "mixture_names"} <= set(dir(flan_mixtures))


def test_the_public_mixtures_are_named():
    names = flan_mixtures.mixture_names()
    assert {"flan2022_submix", "flan2021_submix", "cot_submix", "t0_zsnoopt", "niv2_fsopt"} <= set(names)


def test_a_row_of_ones_own_is_rendered_by_a_family_without_any_data(monkeypatch):
    monkeypatch.delenv("FLAN_MIXTURES_DATA", raising=False)
    said = flan_mixtures.render("entailment_two_way", PAIR)
    assert PAIR["premise"] in said["inputs"]
    assert PAIR["hypothesis"] in said["inputs"]
    assert sorted(said["options"]) == ["no", "yes"]
    assert said["options"][said["gold"]] == "yes"
    assert said == flan_mixtures.render("entailment_two_way", PAIR)
    assert len({flan_mixtures.render("entailment_two_way", PAIR, seed=seed)["inputs"] for seed in range(20)}) > 10


def test_a_tasks_declared_options_are_those_of_a_row_of_ones_own(monkeypatch):
    monkeypatch.delenv("FLAN_MIXTURES_DATA", raising=False)
    said = flan_mixtures.render("stsb", {"sentence1": "A cat.", "sentence2": "A dog.", "answer": "2"})
    assert said["options"] == ["0", "1", "2", "3", "4", "5"]
    assert said["gold"] == 2
    with pytest.raises(UserError, match="answer '7', which is not among its options"):
        flan_mixtures.render("stsb", {"sentence1": "A cat.", "sentence2": "A dog.", "answer": "7"})


def test_exemplars_of_ones_own_stand_before_the_query_in_their_order(monkeypatch):
    monkeypatch.delenv("FLAN_MIXTURES_DATA", raising=False)
    shots = [{**PAIR, "premise": f"Premise {n}.", "row_id": f"mine/{n}"} for n in range(3)]
    said = flan_mixtures.render("rte", {**PAIR, "premise": "The query."}, style="fsopt", shots=shots)
    assert said["shots"] == ["mine/0", "mine/1", "mine/2"]
    places = [said["inputs"].index(f"Premise {each.rpartition('/')[2]}.") for each in said["shots"]]
    assert places == sorted(places)
    assert places[-1] < said["inputs"].index("The query.")
    assert said["dataset"] == "rte"


def test_a_task_with_its_data_takes_exemplars_from_it(mine):
    said = flan_mixtures.render("agrees", index=5, style="fsopt", shots=4)
    assert said["row_id"] == "agrees/train/5"
    assert len(set(said["shots"])) == 4
    assert said["row_id"] not in said["shots"]
    assert (said["submixture"], said["licence"], said["template_type"]) == ("mine", "CC0", "fs_opt")
    given = {"text": "red", "claim": "green", "answer": "no", "options": ["yes", "no"]}
    assert len(flan_mixtures.render("agrees", given, shots=2)["shots"]) == 2


@pytest.mark.parametrize("name", ["zero_shot-2", "few_shot-0", "backwards"])
def test_a_template_can_be_chosen(mine, name):
    said = flan_mixtures.render("agrees", index=1, template=name)
    assert said["template_id"] == name
    assert said["template_index"] == {"zero_shot-2": 2, "few_shot-0": 0, "backwards": 0}[name]
    assert said["inverted"] == (name == "backwards")


def test_lengths_are_kept_and_what_was_lost_is_said(mine, small_vocabulary):
    encode = tokenizer(small_vocabulary)()
    whole = flan_mixtures.render("tells", style="fsopt", shots=5)
    room = len(encode(whole["inputs"])) // 2
    said = flan_mixtures.render("tells", style="fsopt", shots=5, lengths=(room, 100), vocabulary=small_vocabulary)
    assert len(encode(said["inputs"])) < room
    assert said["dropped_shots"] == 5 - len(said["shots"]) > 0


@pytest.mark.parametrize(
    ("says", "task", "row", "others"),
    [
        (r"no task 'agreees'.*'agrees'", "agreees", None, {}),
        (r"no row 60: expected 0 to 59", "agrees", None, {"index": 60}),
        (r"no style 'zsop'.*'zsopt'", "agrees", None, {"style": "zsop"}),
        (r"no template 'zero_shot-9'.*'zero_shot-1'", "agrees", None, {"template": "zero_shot-9"}),
        (r"lacks 'hypothesis'.*'hypotesis'", "rte", {"premise": "a", "hypotesis": "b", "answer": "yes"}, {}),
        (r"answer 'Yes', which is not among its options .*'yes'", "rte", {**PAIR, "answer": "Yes"}, {}),
        (r"no template family 'entailment_two'.*'entailment_two_way'", "entailment_two", PAIR, {}),
        (r"is a template family and has no rows", "entailment_two_way", PAIR, {"style": "fsopt"}),
        (r"shots = -1", "agrees", None, {"shots": -1}),
        (r"ghost.*cannot be read", "ghost", None, {}),
        (
            r"vocabulary '.*nowhere.model' does not exist",
            "agrees",
            None,
            {"lengths": (9, 9), "vocabulary": "nowhere.model"},
        ),
        (
            r"row 'agrees/train/0'.*cannot be rendered: query longer",
            "agrees",
            None,
            {"lengths": (5, 50), "vocabulary": "small"},
        ),
    ],
)
def test_mistakes_are_named(mine, small_vocabulary, says, task, row, others):
    if others.get("vocabulary") == "small":
        others = {**others, "vocabulary": small_vocabulary}
    with pytest.raises(UserError, match=f"(?i){says}"):
        flan_mixtures.render(task, row, **others)


def test_examples_go_on_from_any_position_and_are_the_same_for_two_workers(mine, small_vocabulary):
    settings = {"inputs_length": 200, "targets_length": 60, "vocabulary": small_vocabulary, "seed": 2}
    alone = list(itertools.islice(flan_mixtures.examples("mine_submix", **settings), 60))
    later = flan_mixtures.examples("mine_submix", start=alone[19]["position"] + 1, **settings)
    assert list(itertools.islice(later, 40)) == alone[20:]
    together = flan_mixtures.examples("mine_submix", workers=2, **settings)
    assert list(itertools.islice(together, 60)) == alone
    json.dumps(alone)


@pytest.mark.parametrize(
    ("says", "given"),
    [
        ("inputs_length = 1", {"inputs_length": 1}),
        ("start = -3", {"start": -3}),
        ("workers = 0", {"workers": 0}),
        ("no mixture 'mine_sbmix'", {"mixture": "mine_sbmix"}),
        ("is no SentencePiece model", {"vocabulary": ROOT / "README.md"}),
    ],
)
def test_what_examples_cannot_do_is_said_when_they_are_asked_for(mine, small_vocabulary, says, given):
    settings = {"mixture": "mine_submix", "inputs_length": 90, "targets_length": 9, "vocabulary": small_vocabulary}
    with pytest.raises(UserError, match=says):
        flan_mixtures.examples(**{**settings, **given})


def test_a_tokenizer_reaches_other_processes_and_counts_as_t5s_does(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    found = pickle.loads(pickle.dumps(tokenizer()))
    assert found.name == "t5_vocab/sentencepiece.model"
    assert found()("Translate to German: That is good.") == [30355, 15, 12, 2968, 10, 466, 19, 207, 5]


def test_a_missing_vocabulary_says_where_it_is_looked_for(mine):
    with pytest.raises(UserError, match=r"t5_vocab/sentencepiece.model' does not exist. Put T5's"):
        tokenizer()
