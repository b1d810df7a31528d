"""The command `flan-mixtures`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from flan_mixtures import main as command_line
from flan_mixtures.commands.list import matches
from flan_mixtures.commands.output import printable
from flan_mixtures.commands.variants import all_variants

FLAN = [sys.executable, "-m", "flan_mixtures"]


@pytest.fixture
def run(capsys, root, monkeypatch):
    """Runs a command line in this process; returns its status, what it printed, and what it complained of."""
    monkeypatch.chdir(root)

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = command_line.main([str(each) for each in arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def cells(text: str) -> list[list[str]]:
    """Returns the cells of the first table that a command printed into a pipe."""
    return [line.split("\t") for line in text.split("\n\n")[0].splitlines()]


def test_help_of_every_command_imports_neither_numpy_nor_tensorflow(root):
    code = (
        "import sys\nfrom flan_mixtures.main import COMMANDS, main\n"
        "for name in ('', *COMMANDS):\n"
        "    try:\n        main([name, '--help'] if name else ['--help'])\n"
        "    except SystemExit as end:\n        assert end.code == 0\n"
        "heavy = {'numpy', 'tensorflow', 'jax', 'seqio', 'pyarrow', 'gin'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "availability" in done.stdout
    assert "--lengths" in done.stdout


def test_list_names_every_mixture_with_its_number_of_tasks(run, mine):
    status, out, _ = run("list")
    assert status == 0
    header, *rows = cells(out)
    assert header == ["mixture", "tasks", "weights from"]
    sizes = {row[0]: row[1] for row in rows}
    assert sizes["flan2021_submix"] == "71"
    assert sizes["cot_zsopt"] == "9"
    assert sizes["mine_submix"] == "3"
    assert all(len(row) == 3 and row[2] for row in rows)


def test_list_tasks_says_what_each_is(run, mine):
    status, out, _ = run("list", "--tasks", "--submixture", "mine", "agrees")
    assert status == 0
    header, row = cells(out)
    assert dict(zip(header, row, strict=True)) == {
        "task": "agrees",
        "submixture": "mine",
        "cluster": "",
        "category": "",
        "rows": "60",
        "licence": "CC0",
        "languages": "English",
        "loader": "jsonl",
        "family": "agreement",
    }


def test_a_pattern_is_a_part_of_the_name_or_one_with_stars():
    assert matches("cot_gsm8k", "GSM")
    assert matches("cot_gsm8k", "cot_*")
    assert not matches("cot_gsm8k", "gsm*")
    assert not matches("cot_gsm8k", "aqua")


def test_show_prints_a_row_in_each_public_style_with_its_counts(run, mine, small_vocabulary):
    status, out, _ = run("show", "agrees", "--row", 3, "--vocabulary", small_vocabulary)
    assert status == 0
    assert [line for line in out.splitlines() if line.startswith("===")] == [
        "=== zsopt",
        "=== zsnoopt",
        "=== fsopt",
        "=== fsnoopt",
    ]
    assert out.count("row_id: agrees/train/3") == 4
    assert out.count("tokens: ") == 4
    assert "<b>" in out  # data is printed as it is
    assert "東京" in out


def test_show_leaves_out_styles_without_options_where_a_task_has_none(run, mine):
    status, out, err = run("show", "tells")
    assert status == 0
    assert [line for line in out.splitlines() if line.startswith("===")] == ["=== zsopt", "=== fsopt"]
    assert "counted as words" in err
    assert "words: " in out


def test_show_in_all_styles_has_every_choice_on_every_axis(run, mine):
    _, out, _ = run("show", "agrees", "--all-styles", "--shots", 4)
    blocks = {block.split("\n")[0]: block for block in out.split("=== ")[1:]}
    assert len(blocks) == len(all_variants(4, has_options=True, has_rationale=False, has_inversions=True)) == 14
    assert "inverted: yes" in blocks["zero-shot · inverted"]
    assert "options:" not in blocks["few-shot · no options"]
    assert "\noption_style: -{}lines" in blocks["zero-shot · options in the plain look"]
    assert blocks["few-shot · instruction with each example"].count("Compare the claim with the text.") == 5
    assert blocks["few-shot · instruction said once"].count("Compare the claim with the text.") == 1
    assert "Compare the claim" not in blocks["few-shot · instruction left out"]
    assert all(block.count("agrees/train/") == 5 for title, block in blocks.items() if title.startswith("few-shot"))


def test_variants_of_a_task_with_rationales_show_each_place_of_the_rationale():
    titles = [title for title, _ in all_variants(2, has_options=False, has_rationale=True, has_inversions=False)]
    for place in ("rationale first", "answer first", "direct"):
        assert f"zero-shot · {place}" in titles
        assert f"few-shot · {place}" in titles
    assert len(set(titles)) == len(titles)


def test_show_names_what_was_cut_to_fit(run, mine):
    _, out, _ = run("show", "tells", "--style", "fsopt", "--shots", 3, "--lengths", "24,16")
    assert "shortened: story" in out
    assert "dropped_shots: 3" in out
    _, out, _ = run("show", "tells", "--style", "zsopt", "--lengths", "24,3")
    assert "left out: target longer than the requested length" in out


def test_control_characters_of_data_do_not_reach_a_terminal():
    assert printable("a\x1b[31m\tb\nc\r\x9b") == "a\\x1b[31m\tb\nc\\r\\x9b"
    assert printable("東京 – é") == "東京 – é"


def test_preview_reads_no_data_and_says_what_the_weights_became(run, mine, monkeypatch):
    from flan_mixtures.sources import jsonl

    def opened(*_args, **_named):
        raise AssertionError("a preview of examples must not open data")

    monkeypatch.setattr(jsonl, "open_json_lines", opened)
    status, out, _ = run("preview", "mine_submix", "--examples", 900)
    assert status == 0
    header, *rows = cells(out)
    assert header == ["task", "style", "asked", "got", "rows", "examples", "tokens", "epochs"]
    assert ["agrees", "zsopt", "30.0000%", "33.3333%", "60", "300", "?", "5.000"] in rows
    assert "mine\t3\t2\t100.00%\t100.00%" in out
    assert "4 of 4 parts are read more than once" in out
    assert "1 of 3 tasks have no data here" in out


def test_preview_as_json_has_the_same_and_why_data_is_missing(run, mine):
    status, out, _ = run("preview", "mine_submix", "--json")
    found = json.loads(out)
    assert status == 0
    assert {part["task"] for part in found["parts"]} == {"agrees", "tells"}
    assert sum(part["got"] for part in found["parts"]) == pytest.approx(1)
    assert found["missing"].keys() == {"ghost"}
    assert "ghost.jsonl" in found["missing"]["ghost"]
    assert found["examples"] == pytest.approx(100_000)


def test_a_budget_in_tokens_or_batches_is_filled_with_measured_lengths(run, mine, small_vocabulary):
    _, out, _ = run("preview", "mine_submix", "--tokens", 50_000, "--json", "--vocabulary", small_vocabulary)
    found = json.loads(out)
    assert found["tokens"] == pytest.approx(50_000)
    _, out, _ = run("preview", "mine_submix", "--batches", 10, "--batch-size", 4, "--lengths", "300,50", "--json")
    assert json.loads(out)["tokens"] == pytest.approx(10 * 4 * 350)


def test_availability_names_each_source_and_its_state(run, mine):
    status, out, err = run("availability", "mine_submix")
    assert status == 0
    rows = {row[0]: row for row in cells(out)}
    assert rows["agrees"][3] == "ok"
    assert rows["ghost"][3].startswith("no file")
    assert "2 of 3 tasks can be read here." in err
    status, _, err = run("availability", "mine_submix", "--on-missing", "error")
    assert status == 1
    assert "'ghost'" in err


def test_a_path_takes_the_place_of_a_missing_source(run, mine, own_data):
    status, out, _ = run("availability", "mine_submix", "--path", f"ghost={own_data / 'tells.jsonl'}")
    assert status == 0
    assert any(row[0] == "ghost" and row[3] == "ok" for row in cells(out))


def test_lint_finds_faults_in_the_users_own_templates_and_none_in_the_packages(run, tmp_path):
    status, out, err = run("lint", "--data", tmp_path)
    assert (status, out) == (0, "")
    (tmp_path / "templates").mkdir()
    family = 'fields = ["text"]\noptions = false\n[[zero_shot]]\nid = "bad"\ninput = "{txet}"\n'
    (tmp_path / "templates" / "mine.toml").write_text(family)
    status, out, err = run("lint", "--data", tmp_path)
    assert status == 1
    assert "mine/bad:" in out
    assert "txet" in out
    assert "faults in" in err


def test_export_writes_the_rows_that_were_asked_for(run, mine, tmp_path):
    out = tmp_path / "out"
    status, said, _ = run("export", "mine_submix", "--out", out, "--rows", 25, "--rows-per-shard", 10)
    assert status == 0
    assert "25 rows" in said
    lines = [line for file in sorted(out.glob("*.jsonl")) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [json.loads(line)["position"] for line in lines] == sorted(json.loads(line)["position"] for line in lines)
    assert len(lines) == 25


def test_excluded_rows_are_counted_in_an_exports_manifest_and_another_file_makes_another_export(run, mine, tmp_path):
    ids = [f"agrees/train/{number}" for number in range(0, 60, 2)]
    (tmp_path / "removed.json").write_text(json.dumps({"rows": {"agrees": ids}, "tasks": ["tells"]}))
    command = ["export", "mine_submix", "--out", tmp_path / "out", "--rows", 40]
    status, _, _ = run(*command, "--excluded", tmp_path / "removed.json")
    assert status == 0
    manifest = json.loads((tmp_path / "out/manifest.json").read_text(encoding="utf-8"))
    assert manifest["left_out"]["agrees"]["overlaps evaluation data"] > 10
    assert manifest["missing"]["tells"].startswith("excluded by")
    (file,) = (tmp_path / "out").glob("*.jsonl")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 40
    assert not {row["row_id"] for row in rows} & set(ids)
    assert not {shot for row in rows for shot in row["shots"]} & set(ids)
    status, _, err = run(*command)
    assert status == 1
    assert "holds another export: excluded is" in err


def test_show_says_that_a_row_is_excluded(run, mine, tmp_path, monkeypatch):
    (tmp_path / "removed.json").write_text('{"rows": {"agrees": ["agrees/train/3"]}}')
    monkeypatch.chdir(tmp_path)
    status, out, _ = run("show", "agrees", "--row", 3, "--style", "zsopt", "--excluded", "removed.json")
    assert status == 0
    assert "left out: overlaps evaluation data" in out


def test_explore_writes_one_page(run, mine, tmp_path):
    status, said, _ = run("explore", "mine_submix", "-o", tmp_path / "page.html", "--examples", 12)
    assert status == 0
    assert "12 examples of 2 tasks" in said
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "agreees"], "Did you mean 'agrees'"),
        (["show", "agrees", "--row", "60"], "has rows 0 to 59"),
        (["show", "agrees", "--style", "zsop"], "Did you mean 'zsopt'"),
        (["show", "agrees", "--lengths", "512"], "two positive whole numbers"),
        (["show", "agrees", "--lengths", "0,5"], "two positive whole numbers"),
        (["show", "agrees", "--split", "tset"], "no split 'tset'"),
        (["show", "agrees", "--vocabulary", "nowhere.model"], "nowhere.model"),
        (["show", "ghost"], "cannot be read"),
        (["preview", "mine_submx"], "There is no mixture"),
        (["preview", "mine_submix", "--on-missing", "error"], "'ghost'"),
        (["preview", "mine_submix", "--path", "agrees"], "expected DATASET=PATH"),
        (["preview", "mine_submix", "--path", "agreees=x"], "Did you mean 'agrees'"),
        (["list", "zzz"], "No mixture has a name that matches"),
        (["list", "--submixture", "mnie"], "Did you mean 'mine'"),
        (["availability", "--data", "nowhere"], "is not a folder"),
        (["show", "agrees", "--excluded", "nowhere.json"], "nowhere.json' does not exist"),
        (["decontaminate", "mine_submix", "--out", "no/such/folder/x.json"], "in a folder that exists"),
        (["decontaminate", "mine_submix", "--out", "never-made", "--against", "mmlu"], "expected SET=DIR"),
        (["decontaminate", "mine_submix", "--out", "never-made", "--against", "mlu=x"], "Did you mean 'mmlu'"),
        (["decontaminate", "mine_submix", "--out", "never-made", "--against", "mmlu=x"], "holds no MMLU files"),
        (["decontaminate", "mine_submix", "--out", "never-made"], "nothing to check against"),
        (["explore", "mine_submix", "-o", "no/such/folder/page.html"], "in a folder that exists"),
        (["export", "mine_submix", "--out", "never-made", "--rows", "5", "--format", "xml"], "no export format 'xml'"),
    ],
)
def test_mistakes_are_one_paragraph_and_status_1(run, mine, arguments, said):
    status, out, err = run(*arguments)
    assert status == 1
    assert out == ""
    complaint = err[err.index("error: ") :]
    assert said in complaint
    assert complaint.count("\n") == 1


def test_flags_that_are_no_numbers_are_refused(run, mine, capsys):
    for arguments in (["show", "agrees", "--row", "-1"], ["explore", "mine_submix", "-o", "x", "--examples", "0"]):
        with pytest.raises(SystemExit) as end:
            run(*arguments)
        assert end.value.code == 2


def test_a_reader_that_has_seen_enough_ends_the_command_in_silence(root, mine):
    shell = f"{sys.executable} -m flan_mixtures list --tasks | head -1"
    done = subprocess.run(["bash", "-c", shell], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("task\tsubmixture")
    assert done.stderr == ""


def test_ctrl_c_ends_a_long_export_with_status_130(root, mine, tmp_path):
    out = tmp_path / "out"
    command = [*FLAN, "export", "mine_submix", "--out", str(out), "--rows", "10000000", "--rows-per-shard", "200"]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not list(out.glob("*.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.rstrip().endswith("interrupted")


def test_real_tasks_show_and_preview(shared, run, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    status, out, err = run("show", "cot_gsm8k", "--all-styles")
    assert status == 0
    assert "counted as words" not in err
    assert "=== few-shot · answer first" in out
    assert "reasoning: answer_first" in out
    status, out, _ = run("preview", "cot_submix")
    assert status == 0
    assert "cot\t9\t7\t100.00%\t100.00%" in out


def test_a_malformed_row_stops_or_is_left_out_as_chosen(run, mine, own_data, tmp_path):
    good = (own_data / "agrees.jsonl").read_text(encoding="utf-8").splitlines()
    broken = tmp_path / "broken.jsonl"
    broken.write_text("\n".join([good[0], '{"text": ', *good[1:5]]) + "\n", encoding="utf-8")
    arguments = ["show", "agrees", "--style", "zsopt", "--path", f"agrees={broken}", "--row", "4"]
    status, _, err = run(*arguments)
    assert status == 1
    assert "broken.jsonl:2" in err
    status, out, _ = run(*arguments, "--on-malformed", "skip")
    assert status == 0
    assert "=== zsopt" in out


def test_a_path_is_looked_for_in_the_working_folder_first(run, mine, own_data, tmp_path, monkeypatch):
    (tmp_path / "ghost.jsonl").write_text((own_data / "tells.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for given in ("ghost.jsonl", "tells.jsonl"):  # one lies here, one in the data folder
        status, _, err = run("show", "ghost", "--style", "zsopt", "--path", f"ghost={given}")
        assert status == 0, err


def test_a_task_whose_rows_are_all_malformed_says_so(run, mine, tmp_path):
    (tmp_path / "empty.jsonl").write_text('{"story": "", "end": "x"}\n' * 3, encoding="utf-8")
    path = f"ghost={tmp_path / 'empty.jsonl'}"
    status, _, err = run("show", "ghost", "--path", path, "--on-malformed", "skip")
    assert status == 1
    assert "3 malformed" in err[err.index("error: ") :]


def test_a_data_folder_that_is_not_there_is_reported_without_what_gin_adds(run, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", "/no/such/folder")
    status, _, err = run("list")
    assert status == 1
    assert err.endswith("Set it to one that exists.\n")


def test_a_task_name_in_two_submixtures_is_an_error(run, mine, own_data, tmp_path):
    for submixture, task in (("first", "agrees"), ("second", "agrees"), ("second", "rte")):
        (tmp_path / "tasks" / submixture).mkdir(parents=True, exist_ok=True)
        text = (own_data / "tasks" / "mine" / "agrees.toml").read_text(encoding="utf-8")
        (tmp_path / "tasks" / submixture / f"{task}.toml").write_text(text, encoding="utf-8")
    for task, first in (("agrees", "first"), ("rte", "flan2021")):
        status, _, err = run("show", task, "--data", tmp_path)
        assert status == 1
        assert f"is in the submixture {first!r} and" in err
        assert "in 'second' too" in err


def test_explore_replaces_a_page_and_nothing_else(run, mine, tmp_path):
    page, notes = tmp_path / "page.html", tmp_path / "notes.txt"
    notes.write_text("kept")
    for _ in range(2):
        assert run("explore", "mine_submix", "-o", page, "--examples", 3)[0] == 0
    status, _, err = run("explore", "mine_submix", "-o", notes, "--examples", 3)
    assert status == 1
    assert "is no page" in err
    assert notes.read_text() == "kept"
