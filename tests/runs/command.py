"""The command lines of the toy runs, in this process and in ones of their own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS = "{'inputs': 32, 'targets': 32}"
# A quiet machine needs a tenth of it.
PATIENCE_SECONDS = 280.0

PROGRAM = "import sys; from t5x.main import main; sys.exit(main())"


def train_flags(model_dir: pathlib.Path, *more: str, **macros: object) -> list[str]:
    """Returns the arguments of `t5x` that finetune the toy model: a checkpoint and an evaluation every 2 of 4 steps."""
    values = {
        "MODEL_DIR": model_dir,
        "INITIAL_CHECKPOINT_PATH": "[]",
        "MIXTURE_OR_TASK_NAME": "toy_mixture",
        "TASK_FEATURE_LENGTHS": LENGTHS,
        "USE_CACHED_TASKS": False,
        "TRAIN_STEPS": 4,
        "BATCH_SIZE": 8,
        "EVAL_STEPS": 1,
        "EVAL_PERIOD": 2,
        "RANDOM_SEED": 1,
        "utils.SaveCheckpointConfig.period": 2,
        "train.stats_period": 1,
    } | macros
    files = [f"--gin_file={HERE / 'toy.gin'}", "--gin_file=gin/runs/finetune.gin"]
    return ["train", *files, *(f"--gin.{name}={value}" for name, value in values.items()), *more]


# Without evaluation a run starts in half the time.
NO_EVALUATION = ("--gin.train.train_eval_dataset_cfg=None", "--gin.train.infer_eval_dataset_cfg=None")


def start_process(flags: list[str], log: pathlib.Path, program: str = PROGRAM) -> subprocess.Popen:
    """Starts `t5x` with these arguments; its output goes to `log`.

    It has one device: sums over several virtual devices of a CPU are made in the order in which these arrive, so that
    two equal runs would differ in the last bit.
    """
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), str(HERE)]),
        "XLA_FLAGS": "",
    }
    with open(log, "wb") as file:
        return subprocess.Popen([sys.executable, "-c", program, *flags], env=environment, stdout=file, stderr=file)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen, log: pathlib.Path) -> None:
    """Returns once the condition holds, while the process is still running."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.002)


def rows(path: pathlib.Path) -> list[dict]:
    """Returns the objects of a file of JSON lines; none where it does not exist, nor of a line still being written."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def trained_steps(model_dir: pathlib.Path) -> list[int]:
    """Returns the steps of train/metrics.jsonl that have a loss."""
    return [row["step"] for row in rows(model_dir / "train" / "metrics.jsonl") if "loss" in row]


def losses(model_dir: pathlib.Path) -> dict[int, tuple]:
    """Returns what each step computed, by step; times are left out."""
    found: dict[int, tuple] = {}
    for row in rows(model_dir / "train" / "metrics.jsonl"):
        if "loss" in row:
            assert row["step"] not in found, "a step is written twice"
            found[row["step"]] = tuple((k, v) for k, v in sorted(row.items()) if k != "time" and "timing" not in k)
    return found


def snapshot(folder: pathlib.Path) -> dict[str, bytes]:
    """Returns the contents of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
