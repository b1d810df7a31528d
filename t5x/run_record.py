"""What a run must remember besides its checkpoints: its seeds, and the step its data began at.

T5X takes a missing seed from the clock at every start, so that a restarted run sees other data and other dropout.
Effects: reads and writes `run.json` in the model folder.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import time

import jax
import numpy as np

from t5x.errors import UserError

FILE = "run.json"


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What makes a restarted run the same run.

    Attributes:
      random_seed: of initial parameters and dropout.
      data_seed: of the order of the data, where the dataset config has no seed.
      first_step: the step the run's first batch was for; above 0 after a warm start.
      evaluated_step: the last step whose evaluation is complete on disk.
    """

    random_seed: int
    data_seed: int
    first_step: int | None = None
    evaluated_step: int | None = None


def read_or_draw(model_dir: str, random_seed: int | None, data_seed: int | None) -> RunRecord:
    """Returns the record of an earlier start in `model_dir`, or a new one; seeds that are given win.

    Raises:
      UserError: the file of an earlier start is damaged.
    """
    drawn = _agree(int(time.time()) % 2**31)
    kept = _read(model_dir)
    if kept is None:
        kept = RunRecord(drawn, drawn) if random_seed is None else RunRecord(random_seed, random_seed)
    return dataclasses.replace(
        kept,
        random_seed=kept.random_seed if random_seed is None else random_seed,
        data_seed=kept.data_seed if data_seed is None else data_seed,
    )


def write_evaluated(model_dir: str, step: int) -> None:
    """Notes that the evaluation of a step is complete, so that a restarted run does not repeat it."""
    record = _read(model_dir)
    if record is not None:
        write(model_dir, dataclasses.replace(record, evaluated_step=step))


def _read(model_dir: str) -> RunRecord | None:
    path = pathlib.Path(model_dir) / FILE
    if not path.exists():
        return None
    try:
        return RunRecord(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path}, which holds the seeds of this run, cannot be read: {error}. Restore the file, or delete it "
            "to draw new seeds (the data will then come in another order)."
        ) from error


def write(model_dir: str, record: RunRecord) -> None:
    """Keeps the record, in process 0."""
    if jax.process_index():
        return
    path = pathlib.Path(model_dir) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(FILE + ".writing")
    temporary.write_text(json.dumps(dataclasses.asdict(record)) + "\n")
    os.replace(temporary, path)


def _agree(value: int) -> int:
    """Returns process 0's value in every process."""
    if jax.process_count() == 1:
        return value
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))
