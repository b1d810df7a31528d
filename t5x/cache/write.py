"""Runs the pipeline of all splits and marks the caches that are whole.

Effects: the cache folder; logs what is being written.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Sequence

import apache_beam as beam
import seqio
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from t5x.cache.pipeline import add_split
from t5x.cache.plan import COMPLETED, SplitPlan
from t5x.cache.worker_setup import WorkerSetup
from t5x.errors import UserError

logger = logging.getLogger(__name__)

# A mistake of the user that a worker found, as Beam and TensorFlow quote it.
_QUOTED = re.compile(r"UserError: (.+?)(?:\n|\\n|$)")


def write(plans: Sequence[SplitPlan], setup: WorkerSetup, seed: int, beam_options: Sequence[str]) -> str:
    """Writes the caches and returns a table of them.

    Raises:
      UserError: what a task found wrong with its data, a Beam option, or a task without any example.
    """
    if not plans:
        return "Nothing to write: every task is cached."
    options = _parsed(beam_options)
    started = time.monotonic()
    for folder in sorted({plan.folder for plan in plans}):
        logger.info("Writing %s", folder)
        tf.io.gfile.makedirs(folder)
    try:
        with beam.Pipeline(options=options) as pipeline:
            for plan in plans:
                add_split(pipeline, plan, setup, seed)
    except Exception as error:
        quoted = _QUOTED.findall(str(error))
        if quoted:
            raise UserError(quoted[-1]) from error
        raise
    rows = [(plan, _finish(plan)) for plan in plans]
    empty = _mark(rows)
    table = _table(rows, time.monotonic() - started)
    if empty:
        raise UserError(f"{table}\nNo example came of {', '.join(empty)}, which is not marked as cached.")
    return table


def _parsed(beam_options: Sequence[str]) -> PipelineOptions:
    unfit = [option for option in beam_options if not option.startswith("--")]
    if unfit:
        raise UserError(
            f"--pipeline_options: {unfit[0]!r} is no option of Beam; write e.g. "
            "--pipeline_options=--runner=DirectRunner,--direct_num_workers=2."
        )
    return PipelineOptions(list(beam_options))


def _finish(plan: SplitPlan) -> dict[str, int]:
    """Returns a split's counts; the files of one without examples are removed, since SeqIO cannot read them."""
    with tf.io.gfile.GFile(seqio.get_cached_stats_path(plan.folder, plan.split)) as file:
        stats = json.load(file)
    if not stats["examples"]:
        prefix = seqio.get_cached_tfrecord_prefix(plan.folder, plan.split)
        paths = [
            seqio.get_cached_info_path(plan.folder, plan.split),
            seqio.get_cached_stats_path(plan.folder, plan.split),
            *tf.io.gfile.glob(f"{prefix}-*-of-{plan.files:05d}"),
        ]
        for path in paths:
            tf.io.gfile.remove(path)
    return stats


def _mark(rows: Sequence[tuple[SplitPlan, dict[str, int]]]) -> list[str]:
    """Marks the tasks that have examples as cached, and returns the names of the others."""
    examples: dict[tuple[str, str], int] = {}
    for plan, stats in rows:
        key = plan.task, plan.folder
        examples[key] = examples.get(key, 0) + stats["examples"]
    for (_, folder), count in examples.items():
        if count:
            with tf.io.gfile.GFile(os.path.join(folder, COMPLETED), "w") as file:
                file.write("")
    return [task for (task, _), count in examples.items() if not count]


def _table(rows: Sequence[tuple[SplitPlan, dict[str, int]]], seconds: float) -> str:
    lines = [f"{'examples':>10}  {'tokens':>12}  {'files':>5}  task, split"]
    for plan, stats in rows:
        tokens = sum(value for name, value in stats.items() if name.endswith("_tokens") and "_max_" not in name)
        lines.append(f"{stats['examples']:>10,}  {tokens:>12,}  {plan.files:>5}  {plan.task}, {plan.split}")
    total = sum(stats["examples"] for _, stats in rows)
    return "\n".join([*lines, f"{total:,} examples in {seconds:.1f} s"])
