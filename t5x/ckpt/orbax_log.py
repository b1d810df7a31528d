"""Keeps Orbax's own log lines (a dozen for each save) out of a run's log.

What concerns the person who runs a training is raised as an error or logged by the trainer; Orbax writes everything to
absl's logger, so its lines are told apart by the file they come from.
Effects: `quiet` puts one filter on the logger named `absl`; calling it again changes nothing.
"""

from __future__ import annotations

import logging
import os

_ORBAX_FOLDER = os.path.join("", "orbax", "checkpoint", "")


def _is_not_from_orbax(record: logging.LogRecord) -> bool:
    return _ORBAX_FOLDER not in record.pathname


def quiet() -> None:
    """Drops what Orbax logs. Its failures are raised, so nothing is lost."""
    logging.getLogger("absl").addFilter(_is_not_from_orbax)
