"""A process killed with SIGKILL while it saves loses nothing that was complete."""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
import sys
import time

import pytest
from saving_process import SHAPES, Position
from states import assert_same, numpy_state, template_of

from t5x.ckpt import discovery, layout
from t5x.ckpt.dataset_state import restore_dataset_state
from t5x.ckpt.restore import restore

HERE = pathlib.Path(__file__).parent


def _run_and_kill(folder, seconds):
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parent.parent}{os.pathsep}{HERE}", "XLA_FLAGS": ""}
    command = [sys.executable, HERE / "saving_process.py", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_whatever_moment_a_saving_process_is_killed_the_latest_checkpoint_is_whole(tmp_path, kills):
    moments = random.Random(kills)
    latest = 0
    for _ in range(kills):
        _run_and_kill(tmp_path, moments.uniform(0.3, 1.5))
        steps = discovery.all_steps(tmp_path)
        assert steps[-1] >= latest
        latest = steps[-1]
        for step in steps:
            path = layout.checkpoint_path(tmp_path, step)
            assert_same(restore(path, template_of(numpy_state(step, SHAPES))), numpy_state(step, SHAPES))
            position = Position(-1)
            restore_dataset_state(path, position)
            assert position.step == step
    assert latest > kills
