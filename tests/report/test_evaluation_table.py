"""Result files of SeqIO's evaluator become rows and a table; what cannot be read is named."""

from __future__ import annotations

import pytest

from t5x.errors import UserError
from t5x.report.evaluation_table import Evaluation, first_and_last, format_table, read_evaluations, text_table


@pytest.fixture
def results(tmp_path):
    """Two tasks, three evaluations, one of them done twice."""
    (tmp_path / "sorting-metrics.jsonl").write_text(
        '{"step": 0, "exact_match": 1.5}\n{"step": 8, "exact_match": 60.0}\n{"step": 8, "exact_match": 62.5}\n'
    )
    (tmp_path / "dates-metrics.jsonl").write_text('{"step": 0, "exact_match": 0.0, "note": "x"}\n{"step": 8, "exact_ma')
    (tmp_path / "dates-000008.jsonl").write_text("{}\n")
    return tmp_path


def test_rows_are_numbers_sorted_and_the_latest_of_a_step(results):
    assert read_evaluations(results) == [
        Evaluation("dates", 0, "exact_match", 0.0),
        Evaluation("sorting", 0, "exact_match", 1.5),
        Evaluation("sorting", 8, "exact_match", 62.5),
    ]


def test_the_files_t5x_wrote_are_read(shared):
    rows = read_evaluations(shared / "golden" / "t5x_outputs" / "inference_eval")
    assert {row.task for row in rows} == {"toy", "toy2"}
    assert {row.step for row in rows} == {4, 8, 10}
    (score,) = (row.value for row in rows if (row.task, row.step, row.metric) == ("toy", 10, "mean_score"))
    assert score == pytest.approx(-43.49688873291016)


def test_first_and_last_show_what_training_changed(results):
    change = first_and_last(read_evaluations(results), "exact_match")
    assert {task: (first.value, last.value) for task, (first, last) in change.items()} == {
        "dates": (0.0, 0.0),
        "sorting": (1.5, 62.5),
    }


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(UserError, match=r"holds no file that ends in -metrics\.jsonl"):
        read_evaluations(tmp_path)


def test_the_table_has_a_row_for_each_task_and_a_column_for_each_step(results):
    lines = format_table(read_evaluations(results)).splitlines()
    assert lines[0].split() == ["task", "metric", "step", "0", "step", "8"]
    assert [line.split() for line in lines[1:]] == [
        ["dates", "exact_match", "0"],
        ["sorting", "exact_match", "1.5", "62.5"],
    ]


def test_of_many_steps_the_first_and_the_latest_are_shown():
    rows = [Evaluation("t", step, "m", step / 100) for step in range(0, 1000, 100)]
    assert format_table(rows).splitlines()[0].split()[3::2] == ["0", "600", "700", "800", "900"]


def test_a_text_table_takes_brackets_as_they_are_and_has_sections():
    text = text_table(
        ["task", "before", "after"],
        [["[bold]a[/]", "1.0", "70.0"], ["b", "2.0", "3.0"]],
        title="Exact match, %",
        sections={0: "held in", 1: "held out"},
    )
    lines = text.splitlines()
    assert lines[0] == "Exact match, %"
    assert "held in" in lines
    assert (
        lines.index("held in")
        < next(i for i, line in enumerate(lines) if "[bold]a[/]" in line)
        < lines.index("held out")
    )
    assert all(line == line.rstrip() for line in lines)
