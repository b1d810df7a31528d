"""BIG-Bench Hard's files and prompts are read exactly, and answers are found as its protocol says. No TensorFlow."""

from __future__ import annotations

import json

import pytest

from flan_mixtures.evals import bbh
from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.evals.exact_match import exact_match
from t5x.errors import UserError

SIZES = {"causal_judgement": 187, "penguins_in_a_table": 146, "snarks": 178}  # all others hold 250


def test_the_27_files_hold_6511_questions(shared):
    counts = {name: len(bbh.read_questions(shared / "data" / "bbh", name)) for name in bbh.NAMES}
    assert counts == {name: SIZES.get(name, 250) for name in bbh.NAMES}
    assert len(counts) == 27
    assert sum(counts.values()) == 6511


def test_there_is_a_name_for_every_published_file(shared):
    assert sorted(path.stem for path in (shared / "data" / "bbh" / "tasks").glob("*.json")) == list(bbh.NAMES)


@pytest.mark.parametrize("name", bbh.NAMES)
def test_every_prompt_file_has_three_exemplars_whose_answers_are_found(shared, name):
    prompt = bbh.read_prompt_file(shared / "data" / "bbh", name)
    assert len(prompt.exemplars) == 3
    assert "canary" not in prompt.description.lower()
    targets = {question.target for question in bbh.read_questions(shared / "data" / "bbh", name)}
    for exemplar in prompt.exemplars:
        answer = extract_answer(exemplar.worked)
        assert answer in targets or name in ("word_sorting", "multistep_arithmetic_two", "dyck_languages")
        assert answer
        assert not answer.endswith(".")


@pytest.mark.parametrize("name", bbh.NAMES)
def test_a_cot_prompt_is_the_published_file_and_then_the_question(shared, name):
    text = (shared / "data" / "bbh" / "cot-prompts" / f"{name}.txt").read_text().split("\n-----\n")[1].strip()
    rendered = bbh.render(shared / "data" / "bbh", name, "cot")[0]["inputs"]
    question = bbh.read_questions(shared / "data" / "bbh", name)[0].input
    assert rendered == f"{text}\n\nQ: {question}\nA: Let's think step by step."


def test_a_description_with_a_blank_line_stays_whole(shared):
    description = bbh.read_prompt_file(shared / "data" / "bbh", "snarks").description
    assert description.startswith("Determine which of two sentences is sarcastic.\n\nAccording to Cambridge")


def test_a_direct_prompt_shows_bare_answers_and_no_reasoning(shared):
    rendered = bbh.render(shared / "data" / "bbh", "boolean_expressions", "direct")[0]
    assert rendered["inputs"] == (
        "Evaluate the result of a random Boolean expression.\n\n"
        "Q: not ( ( not not True ) ) is\nA: False\n\n"
        "Q: True and False and not True and True is\nA: False\n\n"
        "Q: not not ( not ( False ) ) is\nA: True\n\n"
        "Q: not ( True ) and ( True ) is\nA:"
    )
    assert rendered["targets"] == "False"
    assert rendered["_row_id"] == "boolean_expressions:0"


def test_a_zero_shot_prompt_is_the_question_and_a_request(shared):
    rendered = bbh.render(shared / "data" / "bbh", "word_sorting", "zero_shot")[0]
    assert rendered["inputs"] == (
        "Sort the following words alphabetically: List: syndrome therefrom\nReply with the answer only."
    )
    assert rendered["targets"] == "syndrome therefrom"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("(B)", "(B)"),
        ("(B). ", "(B)"),
        ("First this, then that. So the answer is (B).", "(B)"),
        ("The answer is yes", "yes"),
        ("THE ANSWER IS: 7.", "7"),
        ("One may think the answer is (A). But no. So the answer is (C).", "(C)"),
        ("So the answer is ) ] >.", ") ] >"),
        ("so the answer is -3.5.", "-3.5"),
        ("So the answer is True.\nQ: next", "True"),
        ("a list of words.", "a list of words"),
        ("So the answer is", ""),
        ("", ""),
    ],
)
def test_the_answer_is_what_follows_the_last_answer_phrase(text, answer):
    assert extract_answer(text) == answer


def test_exact_match_is_a_percentage_and_minds_letter_case():
    assert exact_match(["(A)", "Yes", "12", "valid"], ["(A)", "yes", "12", "invalid"]) == {"exact_match": 50.0}


def test_truncated_json_is_named_by_file_and_line(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "navigate.json").write_text('{"examples": [\n{"input": "q",\n"target": ')
    with pytest.raises(UserError, match=r"navigate\.json:3: not valid JSON"):
        bbh.read_questions(tmp_path, "navigate")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"examples": []}, "at least one example"),
        ([1, 2], "at least one example"),
        ({"examples": [{"input": "q", "target": "a"}, {"input": "q"}]}, r"examples\[1\] has target None"),
        ({"examples": [{"input": " ", "target": "a"}]}, r"examples\[0\] has input ' '"),
        ({"examples": ["q"]}, r"examples\[0\] has input None"),
    ],
)
def test_json_of_another_shape_is_named_by_file_and_place(tmp_path, content, message):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "navigate.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"navigate\.json: .*{message}"):
        bbh.read_questions(tmp_path, "navigate")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no dashes", r"navigate\.txt:1: expected a first line"),
        ("c\n-----\nDescription.", r"navigate\.txt: found no exemplar"),
        (
            "c\n-----\nD.\n\nQ: q\nA: Let's think step by step.\nSo the answer is x.\n\nQ: broken\nA: x",
            r"navigate\.txt:9: this exemplar is broken",
        ),
    ],
)
def test_a_broken_prompt_file_is_named_by_file_and_line(tmp_path, text, message):
    (tmp_path / "cot-prompts").mkdir()
    (tmp_path / "cot-prompts" / "navigate.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        bbh.read_prompt_file(tmp_path, "navigate")


def test_a_missing_task_file_names_the_nearest_one(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "navigates.json").write_text("{}")
    with pytest.raises(UserError, match=r"Did you mean 'navigates\.json'"):
        bbh.read_questions(tmp_path, "navigate")
