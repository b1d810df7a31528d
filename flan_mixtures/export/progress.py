"""How far an export is: a bar on a terminal, a few calm log lines anywhere else.

Enters: rows that were written. Leaves: what a person reads while waiting: rows, rows per second, time left.
Effects: writes to the terminal or the log, reads the clock.
"""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_LOG = logging.getLogger(__name__)

_LOG_SECONDS = 10.0  # between two log lines
_ROWS_BETWEEN_LOOKS = 64  # at the clock and the terminal


class ExportProgress:
    """Shows how many of `total` rows are written. Use it as a context manager."""

    def __init__(self, name: str, total: int, done: int = 0):
        """Prepares the display. `name` is the mixture; `done` rows were there before."""
        self._name, self._total, self._done, self._before = name, total, done, done
        self._began = self._logged = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> ExportProgress:
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                _Rate(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.add_task(f"export {self._name}", total=self._total, completed=self._done)
            self._bar.start()
        else:
            _LOG.info("export %s: %s of %s rows", self._name, f"{self._done:,}", f"{self._total:,}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show()
        if self._bar:
            self._bar.stop()
        elif error is None:
            self._log()

    def row(self) -> None:
        """Says that one more row is written."""
        self._done += 1
        if self._done % _ROWS_BETWEEN_LOOKS == 0:
            self._show()

    def _show(self) -> None:
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        elif time.monotonic() - self._logged >= _LOG_SECONDS:
            self._log()

    def _log(self) -> None:
        self._logged = time.monotonic()
        rate = (self._done - self._before) / max(self._logged - self._began, 1e-9)
        left = (self._total - self._done) / rate if rate else 0.0
        _LOG.info(
            "export %s: %s of %s rows, %.0f rows/s, %s left",
            self._name,
            f"{self._done:,}",
            f"{self._total:,}",
            rate,
            time.strftime("%H:%M:%S", time.gmtime(left)),
        )


class _Rate(ProgressColumn):
    """Rows per second over the last while."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} rows/s", style="progress.data.speed")
