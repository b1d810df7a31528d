"""What will be written: tasks, their splits, the pieces each is read in, and the files it goes to.

Effects: looks at the cache folder, and removes a task's old cache there where that was asked for.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence

import seqio
import tensorflow as tf

from t5x.errors import UserError, nearest

logger = logging.getLogger(__name__)

COMPLETED = "COMPLETED"  # the file by which SeqIO knows a whole cache


@dataclasses.dataclass(frozen=True)
class SplitPlan:
    """One split of one task.

    Attributes:
      task, split: their names.
      pieces: how many parts the source is read in, side by side.
      files: how many files the examples go to.
      folder: the task's folder in the cache.
    """

    task: str
    split: str
    pieces: int
    files: int
    folder: str


def plan(
    tasks: Sequence[seqio.Task], splits: Sequence[str], cache_dir: str, overwrite: bool, min_shards: int
) -> list[SplitPlan]:
    """Returns the splits to write; tasks that are cached are left out, or their caches removed with `overwrite`.

    Raises:
      UserError: a split that none of the tasks has, or what a source finds wrong.
    """
    _check_splits(tasks, splits)
    plans: list[SplitPlan] = []
    replaced: list[str] = []
    for task in tasks:
        folder = os.path.join(cache_dir, seqio.get_task_dir_from_name(task.name))
        if tf.io.gfile.exists(os.path.join(folder, COMPLETED)):
            if not overwrite:
                logger.info("%s is cached in %s; --overwrite writes it anew.", task.name, folder)
                continue
            replaced.append(folder)
        for split in task.splits:
            if not splits or split in splits:
                pieces = len(task.source.list_shards(split))
                plans.append(SplitPlan(task.name, split, pieces, max(pieces, min_shards), folder))
    for folder in replaced:
        tf.io.gfile.rmtree(folder)
    return plans


def _check_splits(tasks: Sequence[seqio.Task], splits: Sequence[str]) -> None:
    there = sorted({split for task in tasks for split in task.splits})
    for split in splits:
        if split not in there:
            raise UserError(
                f"--splits={split}: none of the tasks has this split; there are {', '.join(there)}."
                f"{nearest(split, there)}"
            )
