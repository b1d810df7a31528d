"""Turns SIGTERM into a wish to stop, so that a run can save before it ends.

Effects: a signal handler while the context lasts, in the main thread only (elsewhere Python allows none).
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def on_sigterm(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` when the process is asked to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(signum: int, frame: object) -> None:
        logger.warning("SIGTERM: stopping after this step; the state will be saved.")
        stop()

    previous = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
