"""Rows that hold evaluation questions are found whatever their case and spacing, no others, and a report says so."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import os
import shutil

import numpy as np
import pytest

from flan_mixtures import main as command_line
from flan_mixtures.catalogue import catalogue
from flan_mixtures.decontaminate.decontaminator import Decontaminator
from flan_mixtures.decontaminate.eval_index import DEFAULT_N, build
from flan_mixtures.decontaminate.eval_texts import EvalText, bbh_texts, mmlu_texts
from flan_mixtures.decontaminate.exclusions import exclusions
from flan_mixtures.decontaminate.ngrams import ngrams, numbers, words
from flan_mixtures.decontaminate.rows import IdFilter, decontaminate
from flan_mixtures.mixtures.mixture import Mixture, task_data
from flan_mixtures.rendering.compose import EXCLUDED, compose, whitespace_tokens
from flan_mixtures.rendering.fit import Fitted, LeftOut, Lengths
from flan_mixtures.rendering.row import Row
from flan_mixtures.rendering.style import style_distribution
from flan_mixtures.sources.p3 import P3Source
from flan_mixtures.sources.source_config import SourceConfig
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


# A mixture and its file of excluded rows

QUESTION = "Which of these four rivers is the longest one on the whole African continent today?"
ROW = "agrees/train/3"


@pytest.fixture
def folder(own_data, tmp_path, monkeypatch):
    """A data folder of the same tasks, with an MMLU file one question of which stands among the rows of `agrees`."""
    shutil.copytree(own_data, tmp_path, dirs_exist_ok=True)
    (tmp_path / "mmlu" / "test").mkdir(parents=True)
    (tmp_path / "mmlu/test/geography_test.csv").write_text(f"{QUESTION},Nile,Congo,Niger,Volta,A\n", encoding="utf-8")
    rows = [json.loads(line) for line in (tmp_path / "agrees.jsonl").read_text(encoding="utf-8").splitlines()]
    half = len(QUESTION) // 2
    rows[3] |= {"text": f"Tell me. {QUESTION[:half].upper()}", "claim": QUESTION[half:]}  # goes on in the next field
    (tmp_path / "agrees.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(tmp_path))
    return tmp_path


def written(folder, *arguments):
    """Runs the command; returns what it wrote."""
    out = folder / "removed.json"
    assert command_line.main(["decontaminate", "mine_submix", "--out", str(out), *arguments]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def test_the_command_finds_a_planted_question_and_says_where_it_stands(folder, capsys):
    content = written(folder)
    printed = capsys.readouterr().out
    assert content["rows"] == {"agrees": [ROW]}
    assert content["found"] == {ROW: "mmlu/test/geography:0"}
    assert content["tasks"] == []
    assert content["checked"] == {"agrees": {"rows": 60, "checked": 60}, "tells": {"rows": 30, "checked": 30}}
    assert (content["n"], content["split"], content["mixture"]) == (DEFAULT_N, "train", "mine_submix")
    assert content["evaluation_sets"].keys() == {"mmlu"}
    assert content["evaluation_sets"]["mmlu"]["texts"] == 1
    assert "agrees: 1 of 60 rows removed" in printed
    assert f"{ROW}: mmlu/test/geography:0: 'which of these four rivers" in printed
    assert "tells: 0 of 30 rows removed" in printed


def test_the_checksum_is_that_of_the_questions_and_not_of_their_place(folder, tmp_path_factory):
    before = written(folder)["evaluation_sets"]
    elsewhere = tmp_path_factory.mktemp("other")
    shutil.copytree(folder / "mmlu", elsewhere / "copy")
    assert written(folder, "--against", f"mmlu={elsewhere / 'copy'}")["evaluation_sets"] == before
    file = elsewhere / "copy/test/geography_test.csv"
    file.write_text(file.read_text().replace("Volta", "Benue"))
    changed = written(folder, "--against", f"mmlu={elsewhere / 'copy'}")["evaluation_sets"]
    assert changed["mmlu"]["sha256"] != before["mmlu"]["sha256"]


def test_a_part_of_the_rows_can_be_checked_and_the_file_says_so(folder, capsys):
    content = written(folder, "--rows", "20")  # rows 0, 3, 6, ...
    assert content["checked"]["agrees"] == {"rows": 60, "checked": 20}
    assert content["rows"] == {"agrees": [ROW]}
    assert written(folder, "--rows", "15")["rows"] == {}  # rows 0, 4, 8, ...
    assert "50 rows were not checked" in capsys.readouterr().out


def test_longer_runs_of_words_find_less(folder):
    assert written(folder, "-n", "14")["rows"] == {"agrees": [ROW]}
    file = folder / "agrees.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("AFRICAN", "Asian").replace("African", "Asian"))
    assert written(folder, "-n", "13")["rows"] == {}
    assert written(folder, "-n", "8")["rows"] == {"agrees": [ROW]}


def test_a_task_made_from_an_evaluation_set_is_left_out_as_a_whole(folder):
    shutil.copy(folder / "tasks/mine/tells.toml", folder / "tasks/mine/task9_mmmlu_tells.toml")
    content = written(folder)
    assert content["tasks"] == ["task9_mmmlu_tells"]
    assert "task9_mmmlu_tells" not in content["checked"]


def test_an_excluded_row_is_neither_query_nor_exemplar_in_many_draws(folder):
    written(folder)
    seen = {}
    for excluded in ("", "removed.json"):
        data = task_data(catalogue.task("agrees"), SourceConfig(excluded=excluded), "train")
        styles = dataclasses.replace(style_distribution("fsopt"), shots={4: 1.0})
        examples = [
            compose(data, index, styles, Lengths(2000, 500), whitespace_tokens(), epoch=epoch)
            for epoch in range(20)
            for index in range(60)
        ]
        left_out = {each.row_id: each.reason for each in examples if isinstance(each, LeftOut)}
        shots = collections.Counter(row for each in examples if isinstance(each, Fitted) for row in each.example.shots)
        seen[excluded] = left_out, shots[ROW], "four rivers" in repr(examples).lower()
        assert {len(each.example.shots) for each in examples if isinstance(each, Fitted)} == {4}
    left_out, as_exemplar, said = seen[""]
    assert not left_out
    assert as_exemplar > 40  # 4 of 59 rows in each of 1,200 draws
    assert said
    assert seen["removed.json"] == ({ROW: EXCLUDED}, 0, False)


def test_an_exemplar_that_a_tasks_authors_wrote_is_checked_and_left_out_like_a_row(folder):
    content = {
        "Definition": ["Name the river that is asked for."],
        "Positive Examples": [
            {"input": text, "output": "Nile", "explanation": "It is so."} for text in ("Not the Congo?", QUESTION)
        ],
        "Instances": [{"id": f"i{number}", "input": f"River {number}?", "output": ["Nile"]} for number in range(9)],
    }
    (folder / "superni").mkdir()
    (folder / "superni/task9001_rivers.json").write_text(json.dumps(content))
    out = folder / "removed.json"
    assert command_line.main(["decontaminate", "task9001_rivers_fsopt", "--out", str(out)]) == 0
    task, exemplar = "task9001_rivers", "task9001_rivers/exemplars/1"
    assert json.loads(out.read_text())["rows"] == {task: [exemplar]}
    data = task_data(catalogue.task(task), SourceConfig(excluded=str(out)), "train")
    assert {row.row_id for row in data.pool} >= {exemplar}
    styles = dataclasses.replace(style_distribution("fsopt"), shots={1: 1.0})
    examples = [
        compose(data, index, styles, Lengths(2000, 500), whitespace_tokens(), epoch=epoch)
        for epoch in range(10)
        for index in range(9)
    ]
    shots = collections.Counter(row for each in examples for row in each.example.shots)
    assert shots.keys() == {f"{task}/exemplars/0"}


def test_an_excluded_task_is_missing_from_its_mixture_and_the_file_is_the_reason(folder, caplog):
    (folder / "removed.json").write_text('{"tasks": ["tells", "tels"]}')
    mixture = Mixture("mine_submix", SourceConfig(excluded="removed.json"))
    assert {part.declaration.task for part in mixture.parts} == {"agrees"}
    missing = {part.declaration.task: part.missing for part in mixture.missing}
    assert missing["tells"] == "excluded by removed.json"
    assert "1 of 3 tasks have no data here" in caplog.text  # `ghost` alone
    assert "names tasks that do not exist here: tels." in caplog.text
    with pytest.raises(UserError, match=r"'tells' is excluded by removed\.json"):
        task_data(catalogue.task("tells"), SourceConfig(excluded="removed.json"), "train")


def test_leaving_a_task_out_on_purpose_is_no_missing_source(folder):
    (folder / "removed.json").write_text('{"tasks": ["ghost"]}')
    strict = SourceConfig(on_missing="error", excluded="removed.json")
    assert {part.declaration.task for part in Mixture("mine_submix", strict).parts} == {"agrees", "tells"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        ("{", "not valid JSON"),
        ("[]", "expected an object"),
        ("{}", "expected an object"),
        ('{"rows": {}, "task": ["a"]}', "Did you mean 'tasks'"),
        ('{"tasks": "agrees"}', "expected a list of texts"),
        ('{"rows": ["agrees/train/3"]}', "expected an object: task name to row ids"),
        ('{"rows": {"agrees": [3]}}', "expected a list of texts"),
        ('{"rows": {"agrees": ["tells/train/3"]}}', "no row id of 'agrees'"),
    ],
)
def test_a_missing_or_malformed_file_is_the_users_mistake(folder, content, said):
    if content is not None:
        (folder / "removed.json").write_text(content)
    with pytest.raises(UserError, match=said) as error:
        Mixture("mine_submix", SourceConfig(excluded="removed.json"))
    assert "removed.json" in str(error.value)


def test_a_file_that_changes_is_read_anew(folder):
    file = folder / "removed.json"
    file.write_text('{"tasks": ["tells"]}')
    assert exclusions("removed.json").tasks == {"tells"}
    file.write_text('{"tasks": ["agrees"]}')
    os.utime(file, ns=(1, 1))
    assert exclusions("removed.json").tasks == {"agrees"}
    assert exclusions(str(file)).tasks == {"agrees"}
