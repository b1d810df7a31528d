"""The results of a run's evaluations, read from the files SeqIO's evaluator writes, as rows and as a table.

Enters: a folder of `<task>-metrics.jsonl`, one line an evaluation: `{"step": 8, "<metric>": value, ...}`.
Leaves: `Evaluation` rows; text.
Source: the file format of SeqIO's JSONLogger, which T5X uses for `inference_eval/`.
Effects: reads the files.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from t5x.errors import UserError
from t5x.report.jsonl_writer import read_jsonl

SUFFIX = "-metrics.jsonl"
# Columns of steps that fit a terminal beside the names: the first evaluation, and the latest ones.
SHOWN_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One number of one evaluation. `step` counts optimizer updates; what `value` means is the metric's affair."""

    task: str
    step: int
    metric: str
    value: float


def read_evaluations(directory: str | os.PathLike[str]) -> list[Evaluation]:
    """Returns all numbers of all tasks, sorted by task, then metric, then step.

    A step that was evaluated twice, as after a restart, counts once, with its latest numbers. Values that are no
    numbers are left out.

    Raises:
      UserError: the folder holds no result file, or one is damaged.
    """
    files = sorted(pathlib.Path(directory).glob(f"*{SUFFIX}"))
    if not files:
        raise UserError(
            f"{directory} holds no file that ends in {SUFFIX}; expected the results of an evaluation by generation: "
            "<model_dir>/inference_eval of a training run with eval_period set, or <EVAL_OUTPUT_DIR>/inference_eval of "
            "t5x eval."
        )
    latest: dict[tuple[str, str, int], float] = {}
    for file in files:
        for row in read_jsonl(file):
            for metric, value in row.items():
                if metric not in ("step", "time") and isinstance(value, (int, float)):
                    latest[file.name.removesuffix(SUFFIX), metric, int(row["step"])] = float(value)
    return [Evaluation(task, step, metric, value) for (task, metric, step), value in sorted(latest.items())]


def first_and_last(evaluations: Sequence[Evaluation], metric: str) -> dict[str, tuple[Evaluation, Evaluation]]:
    """Returns task -> its evaluations at the lowest and at the highest step, for one metric."""
    of_metric = sorted((e for e in evaluations if e.metric == metric), key=lambda e: e.step)
    tasks: dict[str, list[Evaluation]] = {}
    for evaluation in of_metric:
        tasks.setdefault(evaluation.task, []).append(evaluation)
    return {task: (found[0], found[-1]) for task, found in sorted(tasks.items())}


def format_table(evaluations: Sequence[Evaluation], width: int = 120) -> str:
    """Returns a table as text: a row for each task and metric, a column for each of at most five steps."""
    steps = sorted({evaluation.step for evaluation in evaluations})
    if len(steps) > SHOWN_STEPS:
        steps = [steps[0], *steps[1 - SHOWN_STEPS :]]
    values: dict[tuple[str, str], dict[int, float]] = {}
    for evaluation in evaluations:
        values.setdefault((evaluation.task, evaluation.metric), {})[evaluation.step] = evaluation.value
    rows = [
        [task, metric, *(f"{by_step[step]:.4g}" if step in by_step else "" for step in steps)]
        for (task, metric), by_step in values.items()
    ]
    return text_table(["task", "metric", *(f"step {step:,}" for step in steps)], rows, left=2, width=width)


def text_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    left: int = 1,
    sections: Mapping[int, str] | None = None,
    width: int = 120,
) -> str:
    """Returns any table as plain text, for a console or a file.

    Args:
      columns: headings.
      rows: cells, as many in each row as there are columns.
      title: a line above, or None.
      left: how many columns, from the first on, are names (left-aligned); the others are numbers (right-aligned).
      sections: row number -> a heading that stands on a line of its own before that row.
      width: the most characters in a line; longer cells are wrapped.
    """
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < left else "right", overflow="fold")
    for number, row in enumerate(rows):
        if sections and number in sections:
            table.add_row()
            table.add_row(sections[number])
        table.add_row(*row)
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"
