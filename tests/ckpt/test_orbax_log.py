"""A failed save shows its error, not what Orbax prints beside it."""

from __future__ import annotations

import logging
import sys
import types

from t5x.ckpt import orbax_log


def test_only_the_echoes_of_an_error_already_raised_are_dropped(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    orbax_log.quiet()
    orbax_log.quiet()
    other = types.SimpleNamespace(exc_value=RuntimeError("a defect"))
    sys.unraisablehook(types.SimpleNamespace(exc_value=RuntimeError("Event loop is closed")))
    sys.unraisablehook(other)
    assert seen == [other]


def test_only_lines_from_orbax_are_dropped_from_the_log():
    orbax_log.quiet()

    def passes(pathname):
        return logging.getLogger("absl").filter(logging.LogRecord("absl", logging.INFO, pathname, 1, "", (), None))

    assert not passes("/lib/site-packages/orbax/checkpoint/_src/checkpointers/async_checkpointer.py")
    assert passes("/home/me/train.py")
