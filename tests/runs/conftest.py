"""Fixtures of the runs: the command line in this process, and a finished run to look at or go on from."""

from __future__ import annotations

import pathlib
import shutil
import sys

import pytest
from command import HERE, PATIENCE_SECONDS, start_process, train_flags
from gin_registry import lent_registry

sys.path.insert(0, str(HERE))


def _run(flags: list[str]) -> int:
    from t5x.main import main

    with lent_registry():
        return main(flags)


@pytest.fixture
def t5x(capfd):
    """Runs `t5x` in this process and returns its exit status and what it wrote to stderr."""

    def run(flags: list[str]) -> tuple[int, str]:
        capfd.readouterr()
        status = _run(flags)
        return status, capfd.readouterr().err

    return run


@pytest.fixture(scope="session")
def _finished(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("finished")
    status = start_process(train_flags(folder / "run"), folder / "log").wait(PATIENCE_SECONDS)
    assert status == 0, (folder / "log").read_text()
    return folder / "run"


@pytest.fixture
def finished_run(_finished, tmp_path) -> pathlib.Path:
    """The MODEL_DIR of a run of 4 steps with checkpoints 0, 2 and 4; a copy for each test."""
    return pathlib.Path(shutil.copytree(_finished, tmp_path / "run"))
