"""How far a run is: a live line on a terminal, a few calm log lines anywhere else.

Enters: steps, metrics, phases, messages. Leaves: what a person reads while waiting.
Effects: writes to the terminal or the log, reads the clock; on a terminal one thread redraws the line, so that it
goes on counting while the program compiles. Display never stops a run: a terminal that goes away is given up in
silence.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from t5x.report.progress_line import TRAINING, RunState, log_line, progress_line

# A log line is due after this many seconds (as often as T5X logs), and at each of this many parts of the run.
LOG_SECONDS = 10.0
LOG_PARTS = 20
# Parts of a very short run are not worth a line each.
LOG_SECONDS_BETWEEN_PARTS = 1.0
# Weight of the newest pace in the running mean: the last ten or so steps decide the estimate.
PACE_WEIGHT = 0.1
REDRAWS_PER_SECOND = 4

logger = logging.getLogger(__name__)


class Progress:
    """Shows a run's progress. Use it as a context manager; every method may be called from the training loop."""

    def __init__(
        self,
        total_steps: int,
        first_step: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        activity: str = TRAINING,
    ) -> None:
        """Prepares the display; nothing is shown before `with`.

        Args:
          total_steps: optimizer updates when the run is done.
          first_step: updates done before this program began.
          stream: where the live line goes if it is a terminal; None means stderr.
          clock: seconds from any fixed moment.
          activity: what the steps are of, where not of training.
        """
        self._state = RunState(step=first_step, total=total_steps, phase=activity)
        self._activity = activity
        self._first_step = first_step
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = clock()
        self._pace: float | None = None
        self._step_seen: tuple[int, float] | None = None  # of the last step in this stretch of training
        self._logged: tuple[int, float] | None = None
        self._phase_logged: float = -LOG_SECONDS
        self._live: Live | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Progress:
        if _is_terminal(self._stream):
            with _giving_up_the_display(self):
                self._live = self._start_live()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _giving_up_the_display(self):
            self._cleanup.close()
        self._live = None

    def step(self, step: int, scalars: Mapping[str, Any] | None = None) -> None:
        """Says that `step` updates are done; `scalars` are new metrics by tag, those not given stay as they were."""
        now = self._clock()
        if self._step_seen is not None and step > self._step_seen[0]:
            pace = (now - self._step_seen[1]) / (step - self._step_seen[0])
            self._pace = pace if self._pace is None else (1 - PACE_WEIGHT) * self._pace + PACE_WEIGHT * pace
        self._step_seen = (step, now)
        known = {**self._state.scalars, **{tag: float(value) for tag, value in (scalars or {}).items()}}
        self._state = dataclasses.replace(
            self._state, step=step, scalars=known, phase=self._activity, done=None, of=None, seconds_per_step=self._pace
        )
        if self._live is None and self._step_is_worth_a_line(step, now):
            self._logged = (step, now)
            logger.info("%s", log_line(self._now()))

    def phase(self, text: str, completed: int | None = None, total: int | None = None) -> None:
        """Says what the run does besides training, e.g. `phase("evaluating mini_flan", 2, 8)` or `phase("saving")`.

        The next `step` ends it. The time it takes does not count towards the pace of training.
        """
        changed = text != self._state.phase
        self._state = dataclasses.replace(self._state, phase=text, done=completed, of=total)
        self._step_seen = None
        now = self._clock()
        if self._live is None and text != self._activity and (changed or now - self._phase_logged >= LOG_SECONDS):
            self._phase_logged = now
            counted = "" if total is None else f" {completed or 0}/{total}"
            after = f", after step {self._state.step:,}" if self._state.step else ""
            logger.info("%s%s%s", text, counted, after)

    def message(self, text: str) -> None:
        """Shows a text that stays: above the live line, or in the log."""
        if self._live is None:
            logger.info("%s", text)
            return
        with _giving_up_the_display(self):
            self._live.console.print(_printable(text, self._stream), markup=False, highlight=False, soft_wrap=True)

    def _now(self) -> RunState:
        return dataclasses.replace(self._state, elapsed=self._clock() - self._began)

    def _step_is_worth_a_line(self, step: int, now: float) -> bool:
        if self._logged is None or step >= self._state.total:
            return True
        last_step, last_time = self._logged
        part = max(1, (self._state.total - self._first_step) // LOG_PARTS)
        new_part = (step - self._first_step) // part > (last_step - self._first_step) // part
        waited = now - last_time
        return waited >= LOG_SECONDS or (new_part and waited >= LOG_SECONDS_BETWEEN_PARTS)

    def _start_live(self) -> Live:
        console = Console(file=self._stream, force_terminal=True)
        bar = "━─" if _printable("━─", self._stream) == "━─" else "#-"

        def draw() -> Text:
            # One column is left free: some terminals wrap as soon as the last one is written.
            line = progress_line(self._now(), max(1, console.width - 1), bar)
            return Text(_printable(line, self._stream), no_wrap=True, overflow="crop", end="")

        live = Live(
            console=console,
            get_renderable=draw,
            refresh_per_second=REDRAWS_PER_SECOND,
            # Done below instead: rich's own redirection breaks long lines, so that paths in them cannot be copied.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._cleanup.enter_context(live)
        self._cleanup.enter_context(_printing_above_the_line(console))
        return live


@contextlib.contextmanager
def _giving_up_the_display(progress: Progress) -> Iterator[None]:
    """Goes on without a live line when the terminal is gone (closed window, ended remote session)."""
    try:
        yield
    except (OSError, ValueError):  # ValueError: the stream was closed
        progress._live = None


class _AboveTheLine(io.TextIOBase):
    """A stream whose whole lines are printed above the live line of a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._unfinished = ""

    def write(self, text: str) -> int:
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            shown = _printable(line, self._console.file)
            self._console.print(Text.from_ansi(shown), highlight=False, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        """Does nothing: a line is shown when it is whole."""

    def close(self) -> None:
        """Shows a line that was never ended. Whoever kept this stream may go on writing to it."""
        if self._unfinished:
            self.write("\n")

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def _printing_above_the_line(console: Console) -> Iterator[None]:
    """Has printed text and log lines that would go to a terminal go above the live line instead of into it.

    What goes to a file or a pipe still arrives there.
    """
    with contextlib.ExitStack() as undo:
        if _is_terminal(sys.stdout):
            undo.enter_context(contextlib.redirect_stdout(undo.enter_context(_AboveTheLine(console))))
        for handler in _stream_handlers():
            if _is_terminal(handler.stream):
                undo.callback(setattr, handler, "stream", handler.stream)
                handler.stream = _AboveTheLine(console)
        if _is_terminal(sys.stderr):
            undo.enter_context(contextlib.redirect_stderr(undo.enter_context(_AboveTheLine(console))))
        yield


def _stream_handlers() -> list[logging.StreamHandler[Any]]:
    """Returns the root logger's handlers with a stream; absl keeps its own inside another handler."""
    handlers = [getattr(handler, "python_handler", handler) for handler in logging.getLogger().handlers]
    return [handler for handler in handlers if isinstance(handler, logging.StreamHandler)]


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty()) and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
    except (AttributeError, ValueError):  # no stream at all, or a closed one
        return False


def _printable(text: str, stream: TextIO) -> str:
    """Returns the text with a question mark for what the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
