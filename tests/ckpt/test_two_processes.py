"""Two processes write one checkpoint together and each reads its part."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

from states import assert_same, numpy_state, template_of

from t5x.ckpt import discovery, layout
from t5x.ckpt.restore import restore

HERE = pathlib.Path(__file__).parent


def test_two_processes_save_one_checkpoint_and_restore_it_on_another_mesh(tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE.parent.parent}{os.pathsep}{HERE}",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    command = [sys.executable, HERE / "one_of_two_processes.py"]
    processes = [
        subprocess.Popen(
            [*command, str(index), str(port), tmp_path], stdout=subprocess.PIPE, text=True, env=environment
        )
        for index in range(2)
    ]
    try:
        assert [process.communicate(timeout=90)[0].splitlines()[-1] for process in processes] == ["same", "same"]
    finally:
        for process in processes:
            process.kill()
    assert discovery.all_steps(tmp_path) == [2, 3]
    path = layout.checkpoint_path(tmp_path, 3)
    assert sorted(file.parent.name for file in (path / "dataset").glob("process_*/*")) == [
        "process_0-of-2",
        "process_1-of-2",
    ]
    assert_same(restore(path, template_of(numpy_state(3))), numpy_state(3))
