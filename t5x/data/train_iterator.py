"""The training data as an iterator whose position can be saved and restored, and which never waits without a word.

The position counts what training has consumed: batches that were prepared ahead are part of it and are handed out
after a restore, so a resumed run reads exactly what an uninterrupted one would have.
Effects: reads data, each batch in a thread of its own, so that a pipeline that never yields cannot block the run;
reads and writes position files; logs where a batch is long in coming.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from t5x.errors import UserError

logger = logging.getLogger(__name__)

# A batch usually takes milliseconds, the first one seconds. After this long the run says what it waits for, and
# looks for tasks that never yield an example: a mixture that repeats without end searches them for ever.
PATIENCE_SECONDS = 15.0

Batch = dict[str, np.ndarray]


class TrainIterator(Iterator[Batch]):
    """Batches as numpy arrays."""

    def __init__(
        self,
        dataset: tf.data.Dataset,
        check_first: Callable[[Batch], None] = lambda batch: None,
        why_none: Callable[[], Exception | None] = lambda: None,
    ):
        """Starts at the beginning of the dataset.

        Args:
          dataset: batches.
          check_first: looks at the first batch that is read.
          why_none: called when no batch comes for long, or none is left; returns the error that explains it, or None
            where nothing is wrong with the data.
        """
        self._dataset = dataset
        self._iterator = iter(dataset)
        self._origin: str | None = None  # the position file that the iterator was restored from
        self._consumed = 0  # batches since then
        self._check_first = check_first
        self._why_none = why_none
        self._answers: queue.Queue[tuple[str, Any]] | None = None  # while a batch is being read
        self._ahead: Batch | None = None

    def start_reading(self) -> None:
        """Begins to read the next batch while the caller does something else."""
        if self._answers is None and self._ahead is None:
            self._answers = queue.Queue()
            _answer_in_thread(self._answers, "batch", self._read)

    def peek(self) -> Batch:
        """Returns the next batch and leaves it the next one.

        Raises:
          UserError: there is no batch, or the first one is not fit for training.
          StopIteration: there is no batch, and nothing is known to be wrong.
        """
        self.start_reading()
        if self._ahead is None:
            batch = self._wait()
            self._check_first(batch)
            self._check_first = lambda batch: None
            self._ahead = batch
        return self._ahead

    def __next__(self) -> Batch:
        batch = self.peek()
        self._ahead = None
        self._consumed += 1
        return batch

    def save(self, path_prefix: str) -> None:
        """Writes the position to files that begin with `path_prefix`."""
        iterator = self._iterator
        if self._answers is not None or self._ahead is not None:  # that iterator is one batch ahead of training
            iterator = self._at_origin()
            for _ in range(self._consumed):
                next(iterator)
        tf.train.Checkpoint(iterator=iterator).write(path_prefix)

    def restore(self, path_prefix: str) -> None:
        """Goes to a position that `save` wrote, of the same pipeline."""
        self._origin, self._consumed = path_prefix, 0
        self._iterator = self._at_origin()

    def skip(self, batches: int) -> None:
        """Goes past this many batches, for a checkpoint that holds no position."""
        for _ in range(batches):
            next(self)

    def _at_origin(self) -> Any:
        iterator = iter(self._dataset)
        if self._origin is not None:
            tf.train.Checkpoint(iterator=iterator).read(self._origin).assert_consumed()
        return iterator

    def _read(self) -> Batch:
        return {name: tensor.numpy() for name, tensor in next(self._iterator).items()}

    def _wait(self) -> Batch:
        """Waits for the batch being read; when that takes long, also for the reason."""
        patience, waited, asked = PATIENCE_SECONDS, 0.0, False
        while True:
            try:
                kind, answer = self._answers.get(timeout=patience)
            except queue.Empty:
                waited += patience
                patience *= 2
                logger.info("Waiting for training data since %.0f seconds.", waited)
                if not asked:
                    asked = True
                    _answer_in_thread(self._answers, "reason", self._why_none)
                continue
            if kind == "reason" and answer is None:
                continue  # slow, but nothing is wrong
            self._answers = None
            if isinstance(answer, StopIteration):
                raise self._why_none() or answer
            if isinstance(answer, tf.errors.OpError):
                raise _users_mistake(answer) or answer
            if isinstance(answer, BaseException):
                raise answer
            return answer


def _users_mistake(error: tf.errors.OpError) -> UserError | None:
    """Returns the UserError that a Python function of the pipeline raised; tf.data gives its text among much else."""
    found = re.search(rf"{UserError.__name__}: (.*?)(?:\n\s*Traceback|\n\n|$)", error.message, re.DOTALL)
    return UserError(found[1].strip()) if found else None


def _answer_in_thread(answers: queue.Queue[tuple[str, Any]], kind: str, function: Callable[[], Any]) -> None:
    """Puts what `function` returns or raises into the queue. Daemons: nothing can end a thread inside tf.data."""

    def work() -> None:
        try:
            answers.put((kind, function()))
        except BaseException as error:
            answers.put((kind, error))

    threading.Thread(target=work, name=f"training data: {kind}", daemon=True).start()
