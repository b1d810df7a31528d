"""Writing metrics in a thread of its own, so that no training step waits for a disk or a device.

Enters: calls of a metric writer. Leaves: the same calls, in the same order, on the writer inside.
Effects: one thread. Values may still be on the device; the thread is the one that waits for them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t5x.report.metric_writer import MetricWriter


class AsynchronousWriter:
    """Hands every call to a thread. An error there is raised once, by the next call, `flush` or `close` here."""

    def __init__(self, writer: MetricWriter) -> None:
        self._writer = writer
        self._jobs: queue.Queue[tuple[str, tuple[Any, ...]] | None] = queue.Queue()
        self._error: BaseException | None = None
        self._closed = False
        # A daemon: a run that dies of an exception must not hang on its metrics.
        self._thread = threading.Thread(target=self._work, name="metric-writer", daemon=True)
        self._thread.start()

    def write_scalars(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Writes tag -> number, later."""
        self._hand_over("write_scalars", step, dict(scalars))

    def write_texts(self, step: int, texts: Mapping[str, str]) -> None:
        """Writes tag -> text, later."""
        self._hand_over("write_texts", step, dict(texts))

    def flush(self) -> None:
        """Returns when everything handed over so far is on the disk."""
        self._hand_over("flush")
        self._jobs.join()
        self._raise_error()

    def close(self) -> None:
        """Writes what is left, then closes the writer inside. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(("close", ()))
        self._jobs.put(None)
        self._thread.join()
        self._raise_error()

    def _hand_over(self, method: str, *arguments: Any) -> None:
        self._raise_error()
        if self._closed:
            raise ValueError("This metric writer is closed.")
        self._jobs.put((method, arguments))

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            method, arguments = job
            try:
                getattr(self._writer, method)(*arguments)
            except BaseException as error:
                # The first error is the cause; those after it are mostly its consequences.
                self._error = self._error or error
            finally:
                self._jobs.task_done()
