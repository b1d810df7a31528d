"""The quickstart: instruction-tunes a small T5 on mini Flan and shows what it learnt.

Runs `t5x train --gin_file=gin/quickstart/mini_flan.gin`, the same command a user types, then reads the files it wrote.
Enters: where results go, and flags passed on to `t5x train`. Leaves: a table, a picture, example answers.
Effects: a child process; writes into the model folder; prints.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from flan_mixtures.mini.chance import chance_level
from flan_mixtures.mini.families import HELD_IN, HELD_OUT
from t5x.report.evaluation_table import Evaluation, first_and_last, read_evaluations, text_table
from t5x.report.loss_curve import write_loss_curve

GIN_FILE = "gin/quickstart/mini_flan.gin"
METRIC = "exact_match"
# As many of each family as gin/quickstart/mini_flan.gin evaluates.
EVALUATED_ROWS = 50


def task(family: str) -> str:
    """Returns the task of a family's zero-shot questions."""
    return f"mini_{family}_zs"


def result_table(evaluations: Sequence[Evaluation]) -> tuple[str, float]:
    """Returns the table of exact match before and after, and the mean of the trained families after training."""
    scores = first_and_last(evaluations, METRIC)
    rows: list[list[str]] = []
    sections = {}
    held_in_mean = 0.0
    for heading, families in (("trained on", HELD_IN), ("held out", HELD_OUT)):
        sections[len(rows)] = heading
        columns = [
            (100 * chance_level(family, EVALUATED_ROWS), scores[task(family)][0].value, scores[task(family)][1].value)
            for family in families
        ]
        for family, values in zip(families, columns, strict=True):
            rows.append([f"  {family.replace('_', ' ')}", *(f"{value:.0f}" for value in values)])
        means = [statistics.fmean(values) for values in zip(*columns, strict=True)]
        rows.append(["  mean", *(f"{value:.1f}" for value in means)])
        if families is HELD_IN:
            held_in_mean = means[-1]
    title = f"Exact match in percent, {EVALUATED_ROWS} unseen zero-shot questions of each family"
    return text_table(["", "chance", "before", "after"], rows, title=title, sections=sections), held_in_mean


def example_answers(model_dir: pathlib.Path, step: int, count: int = 1) -> str:
    """Returns the first questions of every family with the answer given and the right one."""
    lines = []
    for family in (*HELD_IN, *HELD_OUT):
        file = model_dir / "inference_eval" / f"{task(family)}-{step:06}.jsonl"
        for line in file.read_text(encoding="utf-8").splitlines()[:count]:
            row = json.loads(line)
            verdict = "right" if row["prediction"] == row["target"] else f"right would be: {row['target']}"
            question = " ".join(row["input"]["inputs_pretokenized"].split())
            lines.append(f"  {question}\n    -> {row['prediction']}   ({verdict})")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, then prints the results; returns the exit status of the training where that failed."""
    parser = argparse.ArgumentParser(description="Instruction-tune a small T5 on mini Flan and show what it learnt.")
    parser.add_argument("--model_dir", default="runs/quickstart", help="folder of the run (default: %(default)s)")
    args, passed_on = parser.parse_known_args(arguments)
    model_dir = pathlib.Path(args.model_dir)
    command = ["train", f"--gin_file={GIN_FILE}", f"--gin.MODEL_DIR={model_dir}", *passed_on]
    print(f"Running: t5x {' '.join(command)}", flush=True)
    start = time.monotonic()
    status = subprocess.run([sys.executable, "-m", "t5x.main", *command], check=False).returncode
    if status:
        return status
    minutes = (time.monotonic() - start) / 60

    evaluations = read_evaluations(model_dir / "inference_eval")
    last_step = max(evaluation.step for evaluation in evaluations)
    table, held_in = result_table(evaluations)
    curve = model_dir / "loss_curve.png"
    write_loss_curve(model_dir / "train" / "metrics.jsonl", curve, title=f"mini Flan, {last_step} steps")
    print(f"\nThe first test question of each family, after training:\n{example_answers(model_dir, last_step)}\n")
    print(table)
    print(
        f"{last_step} steps in {minutes:.1f} minutes; mean exact match of the trained families {held_in:.1f} %.\n"
        f"\nFiles in {model_dir}:\n"
        "  loss_curve.png        training loss and learning rate\n"
        "  train/                metrics per step: metrics.jsonl, and events for TensorBoard\n"
        "  inference_eval/       every question, answer and score: <task>-<step>.jsonl, <task>-metrics.jsonl\n"
        f"  checkpoint_{last_step}/     parameters, optimizer state, position in the data\n"
        "  config.gin, model-info.txt\n"
        "\nNext: finetune this model on a family it has not seen, from the checkpoint above\n"
        f"  .venv/bin/t5x train --gin_file={GIN_FILE} --gin.MIXTURE_OR_TASK_NAME={task(HELD_OUT[-1])} \\\n"
        f"    --gin.INITIAL_CHECKPOINT_PATH={model_dir}/checkpoint_{last_step} --gin.TRAIN_STEPS={last_step + 200} \\\n"
        "    --gin.utils.create_learning_rate_scheduler.factors=constant \\\n"
        "    --gin.utils.create_learning_rate_scheduler.base_learning_rate=0.003 --gin.MODEL_DIR=runs/finetuned"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
