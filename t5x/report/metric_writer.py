"""Where metrics go: TensorBoard event files and a JSONL file beside them, written by one process of a run.

Enters: step (optimizer updates), tag -> number, or tag -> text.
Leaves: `<directory>/events.out.tfevents.*` and `<directory>/metrics.jsonl`.
Source: tags and folders as T5X has them (`train/`, `training_eval/<task>/`); the JSONL file is an addition.
Effects: files; TensorFlow is imported when the first TensorBoard writer is made.
"""

from __future__ import annotations

import logging
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from t5x.report.asynchronous_writer import AsynchronousWriter
from t5x.report.jsonl_writer import JsonlWriter

METRICS_FILE = "metrics.jsonl"

logger = logging.getLogger(__name__)


class MetricWriter(Protocol):
    """What the trainer needs of a writer."""

    def write_scalars(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Writes tag -> number."""

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes tag -> text."""

    def flush(self) -> None:
        """Returns when everything written so far is on the disk."""

    def close(self) -> None:
        """Writes what is left and lets go of the files."""


class NoWriter:
    """The writer of every process but the first: all hold the same numbers, one is enough."""

    def write_scalars(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Does nothing."""

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Does nothing."""

    def flush(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class WriterGroup:
    """Several writers as one. All get every call, also when one of them raises; the first error is raised after."""

    def __init__(self, writers: Sequence[MetricWriter]) -> None:
        self._writers = tuple(writers)

    def write_scalars(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Writes tag -> number; a value on the device is fetched once."""
        numbers = {tag: float(value) for tag, value in scalars.items()}
        self._each("write_scalars", step, numbers)

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes tag -> text."""
        self._each("write_texts", step, texts)

    def flush(self) -> None:
        """Flushes all."""
        self._each("flush")

    def close(self) -> None:
        """Closes all."""
        self._each("close")

    def _each(self, method: str, *arguments: Any) -> None:
        errors = []
        for writer in self._writers:
            try:
                getattr(writer, method)(*arguments)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]


def create_metric_writer(
    directory: str | os.PathLike[str], first_step: int | None = None, *, process_index: int | None = None
) -> MetricWriter:
    """Returns a writer of TensorBoard events and `metrics.jsonl` that never makes the caller wait.

    Args:
      directory: folder of both; made if need be.
      first_step: the step the run was restored at; JSONL lines after it are cut, as they will be written again.
        TensorBoard does the same by itself when a step number goes back.
      process_index: this process among those of the run, None asks jax. Only process 0 writes.

    Raises:
      UserError: the folder cannot be written, or its `metrics.jsonl` is damaged.
    """
    if process_index is None:
        import jax

        process_index = jax.process_index()
    if process_index:
        return NoWriter()
    jsonl = JsonlWriter(pathlib.Path(directory) / METRICS_FILE, first_step)
    return AsynchronousWriter(WriterGroup([jsonl, *_tensorboard_writers(directory)]))


def _tensorboard_writers(directory: str | os.PathLike[str]) -> list[MetricWriter]:
    """Returns one TensorBoard writer, or none on a machine that has only what jax needs."""
    try:
        from clu import metric_writers
    except ImportError as error:
        logger.warning("No TensorBoard files are written to %s, only %s: %s.", directory, METRICS_FILE, error)
        return []
    return [metric_writers.SummaryWriter(os.fspath(directory))]
