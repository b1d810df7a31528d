"""The chain-of-thought files are read exactly, and the prompt file says what the code assumes. No TensorFlow."""

from __future__ import annotations

import os
import string
import subprocess
import sys

import pytest

from flan_mixtures.cot.prompts import FORMS, as_sentence, prompts, render
from flan_mixtures.cot.rows import DATASETS, CotRow, file_name, read_cot
from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.sources.tsv import read_tsv
from t5x.errors import UserError

# `wc -l` of the seven published files: 33,443 lines.
LINES = {
    "aqua": 2728,
    "creak": 6915,
    "ecqa": 7112,
    "gsm8k": 7473,
    "qasc": 1084,
    "sensemaking": 6070,
    "strategyqa": 2061,
}

ROW = CotRow("gsm8k", "How many legs do 3 cats have?", "12", "A cat has 4 legs. 3 x 4 = 12")


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_line_of_the_published_files_is_one_well_formed_row(shared, dataset):
    rows = read_cot(shared / "data" / "flan_cot", dataset)
    assert len(rows) == LINES[dataset]
    assert all(row.question and row.answer and row.rationale for row in rows)


def test_a_unicode_line_separator_inside_a_text_does_not_end_the_row(shared):
    row = read_cot(shared / "data" / "flan_cot", "gsm8k")[2381]
    assert row.question.startswith("Clive opens a box full of different colored balls. \u2028The box contains")
    assert row.answer == "36"


def test_only_backslash_n_is_an_escape_and_other_backslashes_stay(shared):
    row = read_cot(shared / "data" / "flan_cot", "aqua")[108]
    assert "× 10 = 800 km\n\\ Speed = 800" in row.rationale


def test_a_question_that_begins_with_a_quotation_mark_keeps_it(shared):
    row = read_cot(shared / "data" / "flan_cot", "creak")[1]
    claim, *rest = row.question.split("\n")
    assert claim == '"Marlboro used iconic imagery to promote its brand."'
    assert rest == ["Is the above claim true?", "Options:", "- yes", "- no"]


def test_about_two_percent_of_each_data_set_is_held_out_and_equal_rows_stay_together(shared):
    for dataset in DATASETS:
        rows = read_cot(shared / "data" / "flan_cot", dataset)
        assert 0.01 < sum(row.held_out for row in rows) / len(rows) < 0.03
        sides = {}
        for row in rows:
            assert sides.setdefault(row.row_id, row.held_out) == row.held_out
    assert len(sides) == len(rows) - 1  # strategyqa holds one row twice


def test_a_file_that_changed_is_read_again(tmp_path):
    path = tmp_path / file_name("qasc")
    path.write_text("q\told\tr\n")
    assert read_cot(tmp_path, "qasc")[0].answer == "old"
    path.write_text("q\tnew\tr\n")
    os.utime(path, ns=(1, 1))
    assert read_cot(tmp_path, "qasc")[0].answer == "new"


def test_a_line_with_two_columns_is_named_by_file_and_number(tmp_path):
    path = tmp_path / file_name("qasc")
    path.write_text("q\ta\tr\nonly a question\tand an answer\n")
    with pytest.raises(UserError, match=r"qasc_train\.tsv:2: found 2 tab-separated columns, expected 3 .*'only a"):
        read_cot(tmp_path, "qasc")


def test_an_empty_cell_is_named_by_file_line_and_column(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("q\ta\tr\nq\t \tr\n")
    with pytest.raises(UserError, match=r"rows\.tsv:2: the column 'answer' is empty"):
        read_tsv(path, ("question", "answer", "rationale"))


def test_a_byte_that_is_not_utf8_is_named_by_file_and_line(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_bytes(b"q\ta\tr\nq\tcaf\xe9\tr\n")
    with pytest.raises(UserError, match=r"rows\.tsv:2: the byte 0xe9 is not UTF-8"):
        read_tsv(path, ("question", "answer", "rationale"))


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "rows.tsv").write_text("")
    with pytest.raises(UserError, match="is empty"):
        read_tsv(tmp_path / "rows.tsv", ("question",))


def test_a_missing_file_names_the_nearest_one(tmp_path):
    (tmp_path / "aqua_train.tsv.gz").write_text("")
    with pytest.raises(UserError, match=r"Did you mean 'aqua_train\.tsv\.gz'"):
        read_cot(tmp_path, "aqua")


def test_windows_line_ends_are_read(tmp_path):
    (tmp_path / "rows.tsv").write_bytes(b"q\ta\tr\r\n")
    assert read_tsv(tmp_path / "rows.tsv", ("question", "answer", "rationale"))[0]["rationale"] == "r"


def test_a_rationale_target_reasons_first_and_ends_with_the_answer_phrase():
    # The id is the head of `printf "question\tanswer\trationale" | sha256sum`. If a phrasing was changed on purpose,
    # give it a new id and put the new text here.
    rendered = render(ROW, "rationale")
    assert rendered == {
        "inputs": "How many legs do 3 cats have?\n\nSay why first; say what last.",
        "targets": "A cat has 4 legs. 3 x 4 = 12. So the answer is 12.",
        "_task_name": "gsm8k",
        "_row_id": "gsm8k:bb35a0b35cdb4637",
        "_template_id": "why-then-what",
    }


def test_a_direct_target_is_the_answer_alone():
    rendered = render(ROW, "direct")
    assert rendered["targets"] == "12"
    assert rendered["inputs"] == "Give a short reply and nothing more.\n\nHow many legs do 3 cats have?"


def test_the_answer_can_be_taken_back_out_of_every_published_target(shared):
    for dataset in DATASETS:
        for row in read_cot(shared / "data" / "flan_cot", dataset):
            for form in FORMS:
                assert extract_answer(render(row, form)["targets"]) == row.answer.removesuffix(".")


def test_every_phrasing_is_used_about_equally_often(shared):
    rows = read_cot(shared / "data" / "flan_cot", "creak")
    for form in FORMS:
        used = [render(row, form)["_template_id"] for row in rows]
        for prompt in prompts(form):
            assert 0.8 < used.count(prompt.id) * len(prompts(form)) / len(rows) < 1.2


def test_a_full_stop_is_added_only_where_no_end_mark_stands():
    assert as_sentence("2 + 2 = 4") == "2 + 2 = 4."
    assert as_sentence("It is so.") == "It is so."
    assert as_sentence('He said "no."') == 'He said "no."'


@pytest.mark.parametrize("form", FORMS)
def test_the_prompt_file_is_sound(form):
    known = prompts(form)
    assert len(known) >= 5
    assert len({prompt.id for prompt in known}) == len({prompt.inputs for prompt in known}) == len(known)
    for prompt in known:
        fields = [name for _, name, _, _ in string.Formatter().parse(prompt.inputs) if name]
        assert fields == ["question"], prompt.id
        if form == "direct":
            assert prompt.targets == "{answer}"
        else:
            assert prompt.targets.startswith("{rationale} ")
            assert prompt.targets.endswith("the answer is {answer}.") or prompt.targets.endswith(
                "The answer is {answer}."
            )


def test_reading_and_rendering_import_neither_tensorflow_nor_jax(root):
    code = (
        "import sys, flan_mixtures.cot.prompts, flan_mixtures.evals.bbh, flan_mixtures.evals.exact_match, "
        "flan_mixtures.sources.data_root\n"
        "print([name for name in ('tensorflow', 'seqio', 'jax', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
