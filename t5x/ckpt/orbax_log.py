"""Keeps what Orbax prints beside its errors out of a run's log.

Two things: its own log lines, a dozen for each save, which go to absl's logger and so are told apart by the file they
come from; and, after a write or read that failed, one traceback for each of the others still under way ("Event loop is
closed"), which TensorStore's callbacks send to `sys.unraisablehook`. The failure itself is always raised as an error.
Effects: `quiet` puts a filter on the logger named `absl` and one on `sys.unraisablehook`; again changes nothing.
"""

from __future__ import annotations

import logging
import os
import sys

_ORBAX_FOLDER = os.path.join("", "orbax", "checkpoint", "")


def quiet() -> None:
    """Drops what Orbax logs, and the echoes of an error that it has raised already."""
    logging.getLogger("absl").addFilter(_is_not_from_orbax)
    if not isinstance(sys.unraisablehook, _WithoutEchoes):
        sys.unraisablehook = _WithoutEchoes(sys.unraisablehook)


def _is_not_from_orbax(record: logging.LogRecord) -> bool:
    return _ORBAX_FOLDER not in record.pathname


class _WithoutEchoes:
    """The hook that was there before, but for callbacks whose event loop has ended with an error."""

    def __init__(self, hook):
        self._hook = hook

    def __call__(self, unraisable) -> None:
        if not (isinstance(unraisable.exc_value, RuntimeError) and str(unraisable.exc_value) == "Event loop is closed"):
            self._hook(unraisable)
