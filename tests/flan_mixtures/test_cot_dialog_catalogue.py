"""The chain-of-thought and dialog tasks: declared as published, read from real files, adapted by pure functions."""

from __future__ import annotations

import collections

import pytest

from flan_mixtures.catalogue.adapters import gsm8k, qrecc, wiki_dialog
from flan_mixtures.catalogue.declaration import declarations
from flan_mixtures.sources.delimited import TsvSource
from flan_mixtures.sources.jsonl import JsonlSource
from t5x.errors import UserError

# Rows of the nine published files.
ROWS = {
    "cot_aqua": 2728,
    "cot_creak": 6915,
    "cot_ecqa": 7112,
    "cot_esnli": 36174,
    "cot_gsm8k": 7473,
    "cot_qasc": 1084,
    "cot_qed": 5154,
    "cot_sensemaking": 6070,
    "cot_strategyqa": 2061,
}

DIALOG = {
    "pid": "0_1",
    "utterances": ["Who was he?", "A painter.", "Where did he live?", "In Arles."],
    "author_num": [1, 0, 1, 0],
}
QUESTION = {
    "context": ["Who was he?", "A painter."],
    "question": "Where did he live?",
    "answer": "In Arles.",
    "turn_id": 7,
}


def tsv(task):
    source = declarations("cot")[task].sources[0]
    assert source["kind"] == "tsv"
    return TsvSource(files=source["files"], columns=source["columns"])


def test_the_nine_sets_have_their_published_sizes():
    declared = declarations("cot")
    assert {task: declaration.rows for task, declaration in declared.items()} == ROWS
    assert {task for task, declaration in declared.items() if declaration.cluster == "stream"} == {
        "cot_aqua",
        "cot_qed",
    }


def test_the_files_that_are_here_have_the_declared_rows_and_fields(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    missing = set()
    for task, declaration in declarations("cot").items():
        if tsv(task).missing():
            missing.add(task)
            continue
        records = tsv(task).open("train")
        assert len(records) == declaration.rows
        assert set(records[0]) == {*declaration.fields.values(), declaration.answer["text"]}
    assert missing == {"cot_esnli", "cot_qed"}  # published in a form that is not among these files


def test_a_unicode_line_separator_inside_a_text_does_not_end_the_row(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    row = tsv("cot_gsm8k").open("train")[2381]
    assert row["question"].startswith("Clive opens a box full of different colored balls. \u2028The box contains")
    assert row["answer"] == "36"


def test_only_backslash_n_is_an_escape_and_other_backslashes_stay(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    assert "× 10 = 800 km\n\\ Speed = 800" in tsv("cot_aqua").open("train")[108]["rationale"]


def test_a_question_that_begins_with_a_quotation_mark_keeps_it(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    claim, *rest = tsv("cot_creak").open("train")[1]["question"].split("\n")
    assert claim == '"Marlboro used iconic imagery to promote its brand."'
    assert rest == ["Is the above claim true?", "Options:", "- yes", "- no"]


def test_every_field_of_the_files_that_are_here_says_something(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    for task in declarations("cot"):
        if not tsv(task).missing():
            assert all(text for record in tsv(task).open("train") for text in record.values()), task


def test_both_sources_of_gsm8k_say_the_same(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    second = declarations("cot")["cot_gsm8k"].sources[1]
    assert second["adapter"] == "gsm8k"
    raw = JsonlSource(files=second["files"]).open("train")
    adapted = [gsm8k.adapt(raw[index]) for index in range(len(raw))]
    assert not any("<<" in row["rationale"] or "####" in row["rationale"] for row in adapted)

    def pairs(rows):
        return {("".join(row["question"].split()), row["answer"]) for row in rows}

    same = len(pairs(tsv("cot_gsm8k").open("train")) & pairs(adapted))
    assert same > 0.98 * len(adapted)


def test_a_gsm8k_solution_loses_its_marks_and_its_last_line():
    row = gsm8k.adapt(
        {"question": "Legs?", "answer": "3*4 = <<3*4=12>>12 legs.\nx100 = <<12*100=1200>>1,200\n#### 1,200"}
    )
    assert row == {"question": "Legs?", "rationale": "3*4 = 12 legs.\nx100 = 1,200", "answer": "1200"}


def test_a_gsm8k_solution_without_an_answer_is_named():
    with pytest.raises(UserError, match=r"no final answer.*12 legs"):
        gsm8k.adapt({"question": "Legs?", "answer": "12 legs."})


def test_a_wiki_dialog_row_is_a_beginning_and_the_turn_after_it():
    cuts = collections.Counter()
    for index in range(600):
        row = wiki_dialog.adapt({**DIALOG, "pid": f"p{index}"})
        turns = row["dialog"].split("\n")
        cuts[len(turns)] += 1
        assert turns == ["B: Who was he?", "A: A painter.", "B: Where did he live?"][: len(turns)]
        assert row["answer"] == DIALOG["utterances"][len(turns)]
    assert set(cuts) == {1, 2, 3}
    assert min(cuts.values()) > 150  # evenly over the possible cuts
    assert wiki_dialog.adapt(DIALOG) == wiki_dialog.adapt(dict(DIALOG))


def test_a_wiki_dialog_of_one_turn_has_no_row():
    assert wiki_dialog.adapt({"pid": "1", "utterances": ["Hello."], "author_num": [0]}) is None


def test_qrecc_keeps_turns_after_the_sixth_that_have_an_answer():
    assert qrecc.adapt(QUESTION) == {
        "dialog": "A: Who was he?\nB: A painter.\nA: Where did he live?",
        "answer": "In Arles.",
    }
    assert qrecc.adapt({**QUESTION, "turn_id": 6}) is None
    assert qrecc.adapt({**QUESTION, "answer": " "}) is None


def test_the_dialog_builders_have_the_fields_that_the_adapters_read(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    for task, needed in (("wiki_dialog", DIALOG), ("qrecc", QUESTION)):
        source = declarations("dialog")[task].sources[0]
        builder = tfds.builder(source["name"], data_dir=tmp_path)
        assert set(needed) <= set(builder.info.features)
