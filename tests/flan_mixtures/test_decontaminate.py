"""Rows that hold evaluation questions are found whatever their case and spacing, no others, and a report says so."""

from __future__ import annotations

import collections
import itertools

import numpy as np
import pytest

from flan_mixtures.decontaminate.decontaminator import Decontaminator
from flan_mixtures.decontaminate.eval_index import build
from flan_mixtures.decontaminate.eval_texts import EvalText, bbh_texts, mmlu_texts
from flan_mixtures.decontaminate.ngrams import ngrams, numbers, words
from flan_mixtures.decontaminate.rows import IdFilter, decontaminate
from flan_mixtures.rendering.row import Row
from flan_mixtures.sources.p3 import P3Source
from t5x.errors import UserError

LONG = "Which of the planets of the solar system that are known today has the largest number of moons around it?"
MIDDLE = "Name the largest desert on the African continent."  # 8 words: less than a run
SHORT = "What is the hardest mineral?"  # 5 words
TEXTS = [EvalText("long", (LONG,)), EvalText("middle", (MIDDLE,)), EvalText("short", (SHORT,))]


def found(text, **options):
    match = Decontaminator(build(TEXTS, **options)).overlap(text)
    return match and match.eval_id


@pytest.fixture(scope="module")
def real_texts(shared):
    return mmlu_texts(shared / "data/mmlu") + bbh_texts(shared / "data/bbh")


@pytest.fixture(scope="module")
def real_index(real_texts):
    return build(real_texts)


def test_case_punctuation_and_spacing_make_no_difference():
    assert words("Don't STOP,\n (now_please)!") == ["don", "t", "stop", "now", "please"]
    assert words("Ça coûte 3,50 €?") == ["ça", "coûte", "3", "50"]
    assert found(LONG.upper().replace(" ", " - ")) == "long"


def test_equal_runs_have_equal_numbers_wherever_they_stand_and_others_differ():
    vocabulary = [f"w{index}" for index in range(40)]
    chosen = np.random.default_rng(0).integers(0, 40, size=3000)
    text_words = [vocabulary[index] for index in chosen]
    for length, hashes in zip((1, 2, 5), ngrams(numbers(text_words), (1, 2, 5)), strict=True):
        runs = list(zip(*(text_words[start:] for start in range(length)), strict=False))
        assert len(hashes) == len(runs)
        of_run = collections.defaultdict(set)
        for run, value in zip(runs, hashes.tolist(), strict=True):
            of_run[run].add(value)
        assert all(len(values) == 1 for values in of_run.values())
        assert len(set(itertools.chain(*of_run.values()))) == len(of_run)


def test_any_run_of_n_words_gives_a_long_text_away_and_no_shorter_run_does():
    text_words = words(LONG)
    for start in range(len(text_words) - 13 + 1):
        assert found(" ".join(["before", *text_words[start : start + 13], "after"])) == "long"
        assert found(" ".join(["before", *text_words[start : start + 12], "after"])) is None


def test_n_can_be_chosen():
    run = " ".join(words(LONG)[3:13])
    assert found(run) is None
    assert found(run, n=10) == "long"


def test_a_text_below_n_words_is_found_as_a_whole_inside_another():
    assert found(f"Geography. {MIDDLE} Answer:") == "middle"
    assert found(MIDDLE.replace("African", "Asian")) is None
    assert found(" ".join(MIDDLE.split()[:-1])) is None


def test_a_very_short_text_counts_only_where_it_is_all_that_is_said():
    assert found(SHORT.lower()) == "short"
    assert found(f"{SHORT} Diamond") is None


def test_a_match_names_the_words_in_common():
    match = Decontaminator(build(TEXTS)).overlap(f"Tell me: {LONG}")
    assert match.words == "which of the planets of the solar system that are known today has"


def test_an_empty_text_matches_nothing():
    assert found("") is None
    assert found("?!") is None


def test_rows_are_removed_by_text_by_options_by_task_and_by_id_and_the_report_says_why():
    question, choices = LONG[:40], (LONG[40:70], LONG[70:])
    rows = [
        Row("a", "a:0", {"question": "How many legs does a cat have?", "answer": "4"}),
        Row("a", "a:1", {"question": f"{LONG} Think.", "answer": "Saturn"}),
        Row("a", "a:2", {"question": SHORT, "answer": "diamond"}),
        Row("a", "a:3", {"question": question, "answer": ""}, options=choices, gold=0),
        Row("a", "a:4", {"question": "fine", "answer": "fine"}),
        Row("task685_mmmlu_answer_generation", "m:0", {"question": "fine", "answer": "fine"}),
    ]
    kept, report = decontaminate(rows, build(TEXTS), IdFilter(row_ids=frozenset({"a:4"})))
    assert [row.row_id for row in kept] == ["a:0"]
    assert (report.checked, report.removed) == (6, 5)
    assert list(report.lines()) == [
        "a: 4 of 5 rows removed",
        "  a:1: long: 'which of the planets of the solar system that are known today has'",
        "  a:2: short: 'what is the hardest mineral'",
        "task685_mmmlu_answer_generation: 1 of 1 rows removed",
        "  m:0: task name holds 'mmmlu'",
    ]
    assert [removal.reason for task in report.tasks for removal in task.removed][3] == "row id"


def test_too_small_an_n_and_nothing_to_look_for_are_the_users_mistakes():
    with pytest.raises(UserError, match="Runs of 3 words are too short"):
        build(TEXTS, n=3)
    with pytest.raises(UserError, match="no evaluation texts"):
        build([])


def test_a_malformed_mmlu_row_is_named(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test/anatomy_test.csv").write_text('"a\nb",1,2,3,4,A\nc,1,2\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"anatomy_test.csv:3: found 3 columns, expected 6"):
        mmlu_texts(tmp_path)
    with pytest.raises(UserError, match="holds no MMLU files"):
        mmlu_texts(tmp_path / "dev")


def test_all_questions_of_mmlu_and_bbh_are_read(real_texts):
    counts = collections.Counter("/".join(text.id.split("/")[:2]) for text in real_texts if text.id[0] == "m")
    assert counts == {"mmlu/dev": 285, "mmlu/val": 1531, "mmlu/test": 14042}
    assert sum(text.id.startswith("bbh/") for text in real_texts) == 6511
    assert len({text.id for text in real_texts}) == len(real_texts)


def test_every_question_of_mmlu_and_bbh_is_found_in_a_prompt_that_holds_it(real_texts, real_index):
    decontaminator = Decontaminator(real_index)
    for text in real_texts[::10]:
        if len(words(text.texts[-1])) >= 8:
            assert decontaminator.overlap(f"Answer this.\n\n{text.texts[-1].upper()}\nAnswer:")


def test_the_index_is_small(real_index):
    arrays = [array for part in (real_index.runs, real_index.whole) for entry in part.values() for array in entry]
    assert sum(array.nbytes for array in (*arrays, real_index.sieve)) < 32e6


def test_the_sample_prompts_of_p3_hold_no_question_of_mmlu_or_bbh(shared, real_index):
    rows = []
    for path in sorted((shared / "data/p3_sample").glob("*.jsonl")):
        source = P3Source(files={"train": str(path)})
        if not source.missing():
            records = source.open("train")
            rows += [Row(path.stem, str(index), dict(records[index])) for index in range(0, len(records), 4)]
    kept, report = decontaminate(rows, real_index)
    assert (len(kept), report.removed, report.checked) == (950, 0, 950)
