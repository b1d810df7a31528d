"""Metric files survive crashes and restarts, and writing them neither blocks a step nor hides an error."""

from __future__ import annotations

import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from t5x.errors import UserError
from t5x.report.asynchronous_writer import AsynchronousWriter
from t5x.report.jsonl_writer import JsonlWriter, read_jsonl
from t5x.report.metric_writer import NoWriter, WriterGroup, create_metric_writer


def _steps(path: pathlib.Path) -> list[int]:
    return [row["step"] for row in read_jsonl(path)]


def test_a_line_holds_step_time_and_tags(tmp_path):
    writer = JsonlWriter(tmp_path / "train" / "metrics.jsonl", clock=lambda: 12.3456)
    writer.write_scalars(4, {"loss": 1.5, "timing/seconds": 2})
    writer.write_texts(4, {"config": "a = 1\nb = 2"})
    writer.close()
    lines = (tmp_path / "train" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"step": 4, "time": 12.346, "loss": 1.5, "timing/seconds": 2.0}
    assert json.loads(lines[1]) == {"step": 4, "time": 12.346, "config": "a = 1\nb = 2"}


def test_values_that_are_not_finite_stay_valid_json_and_come_back_through_float(tmp_path):
    writer = JsonlWriter(tmp_path / "m.jsonl")
    writer.write_scalars(1, {"a": math.nan, "b": math.inf, "c": -math.inf})

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    row = json.loads((tmp_path / "m.jsonl").read_text(), parse_constant=refuse)
    assert math.isnan(float(row["a"]))
    assert float(row["b"]) == math.inf
    assert float(row["c"]) == -math.inf


@pytest.mark.parametrize(
    "torn", [b'{"step": 3, "lo', b"\x00\x00\x00\x00", b'{"step": 3}\xff\n', b'{"step": 3, "a"\n{"st']
)
def test_a_line_torn_by_a_crash_is_dropped_and_writing_goes_on_after_it(tmp_path, torn):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n' + torn)
    assert _steps(path) == [1, 2]
    JsonlWriter(path).write_scalars(3, {"loss": 1})
    assert _steps(path) == [1, 2, 3]
    assert path.read_bytes().count(b"\n") == 3


def test_a_whole_last_line_without_its_newline_is_kept(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2}')
    JsonlWriter(path).write_scalars(3, {"loss": 1})
    assert _steps(path) == [1, 2, 3]


def test_a_resumed_run_cuts_what_it_will_write_again(tmp_path):
    path = tmp_path / "m.jsonl"
    first = JsonlWriter(path)
    for step in (10, 20, 30, 40):
        first.write_scalars(step, {"loss": 1})
    first.close()
    resumed = JsonlWriter(path, first_step=20)
    assert _steps(path) == [10, 20]
    resumed.write_scalars(30, {"loss": 2})
    assert [row["loss"] for row in read_jsonl(path)] == [1, 1, 2]


def test_without_a_first_step_nothing_is_cut(tmp_path):
    path = tmp_path / "m.jsonl"
    JsonlWriter(path).write_scalars(10, {"loss": 1})
    JsonlWriter(path).write_scalars(5, {"loss": 1})
    assert _steps(path) == [10, 5]


def test_a_damaged_line_before_the_end_is_named_and_nothing_is_lost(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"step": 1}\nrubbish\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"Line 2 of .*m\.jsonl is damaged"):
        JsonlWriter(path, first_step=0)
    assert path.read_bytes() == b'{"step": 1}\nrubbish\n{"step": 3}\n'


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match=r"There is no file nowhere\.jsonl"):
        read_jsonl("nowhere.jsonl")


def test_a_metric_that_would_hide_the_step_is_refused(tmp_path):
    with pytest.raises(ValueError, match="step"):
        JsonlWriter(tmp_path / "m.jsonl").write_scalars(1, {"step": 2.0})


def test_a_folder_that_cannot_be_made_is_a_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Metrics cannot be written to .*file"):
        JsonlWriter(tmp_path / "file" / "m.jsonl")


def test_a_full_disk_is_said_and_leaves_only_whole_lines(tmp_path):
    # A limit on file size is what a full disk looks like to one write: it takes a part of the line.
    code = (
        "import resource, signal, sys\n"
        "from t5x.report.jsonl_writer import JsonlWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "writer = JsonlWriter(sys.argv[1])\n"
        "for step in range(10): writer.write_scalars(step, {'loss': 1.0})\n"
    )
    path = tmp_path / "m.jsonl"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "UserError: Metrics cannot be written to" in done.stderr
    assert 0 < path.stat().st_size <= 100
    assert path.read_bytes().endswith(b"}\n")


def test_killing_the_process_at_any_moment_leaves_a_readable_file(tmp_path):
    code = (
        "import sys, itertools\n"
        "from t5x.report.jsonl_writer import JsonlWriter\n"
        "writer = JsonlWriter(sys.argv[1])\n"
        "for step in itertools.count(1): writer.write_scalars(step, {'loss': 1.0})\n"
    )
    path = tmp_path / "m.jsonl"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while not path.exists() or path.stat().st_size < 10_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    steps = _steps(path)
    assert steps == list(range(1, len(steps) + 1))


class _Held:
    """A writer that writes only after it was let go, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = threading.Event()
        self.error = error
        self.steps: list[int] = []
        self.closed = False

    def write_scalars(self, step, scalars):
        assert self.go.wait(20)
        if self.error:
            raise self.error
        self.steps.append(step)

    def write_texts(self, step, texts):
        self.write_scalars(step, {})

    def flush(self):
        pass

    def close(self):
        self.closed = True


def test_the_caller_does_not_wait_for_the_disk_and_order_is_kept():
    held = _Held()
    writer = AsynchronousWriter(held)
    for step in range(100):
        writer.write_scalars(step, {"loss": 1.0})
    assert held.steps == []  # all calls returned before one line was written
    held.go.set()
    writer.flush()
    assert held.steps == list(range(100))
    writer.close()
    assert held.closed


def test_an_error_in_the_thread_reaches_the_caller_once():
    held = _Held(OSError("no space"))
    writer = AsynchronousWriter(held)
    held.go.set()
    writer.write_scalars(1, {})
    with pytest.raises(OSError, match="no space"):
        writer.flush()
    writer.flush()
    held.error = None
    writer.write_scalars(2, {})
    writer.close()
    assert held.steps == [2]


def test_closing_writes_what_is_left_and_may_be_done_twice(tmp_path):
    writer = AsynchronousWriter(JsonlWriter(tmp_path / "m.jsonl"))
    for step in range(50):
        writer.write_scalars(step, {"loss": 1.0})
    writer.close()
    writer.close()
    assert _steps(tmp_path / "m.jsonl") == list(range(50))
    with pytest.raises(ValueError, match="closed"):
        writer.write_scalars(50, {})


def test_one_writer_of_a_group_failing_does_not_starve_the_others(tmp_path):
    broken = _Held(OSError("no space"))
    broken.go.set()
    group = WriterGroup([broken, JsonlWriter(tmp_path / "m.jsonl")])
    with pytest.raises(OSError, match="no space"):
        group.write_scalars(7, {"loss": 1.0})
    assert _steps(tmp_path / "m.jsonl") == [7]


def test_only_the_first_process_writes(tmp_path):
    writer = create_metric_writer(tmp_path / "train", process_index=1)
    writer.write_scalars(1, {"loss": 1.0})
    writer.close()
    assert isinstance(writer, NoWriter)
    assert not (tmp_path / "train").exists()


def test_without_tensorflow_the_jsonl_file_is_written_all_the_same(tmp_path):
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"  # as if it were not installed
        "from t5x.report.metric_writer import create_metric_writer\n"
        "writer = create_metric_writer(sys.argv[1], process_index=0)\n"
        "writer.write_scalars(1, {'loss': 1.0}); writer.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "No TensorBoard files are written" in done.stderr
    assert os.listdir(tmp_path) == ["metrics.jsonl"]


def test_tensorboard_reads_the_numbers_and_texts_back(tmp_path):
    writer = create_metric_writer(tmp_path, process_index=0)
    writer.write_scalars(3, {"loss": 1.5, "timing/seconds": 2.0})
    writer.write_texts(0, {"config": "x = 1"})
    writer.close()
    import tensorflow as tf

    (events,) = tmp_path.glob("events.out.tfevents.*")
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(events)):
        for value in event.summary.value:
            array = tf.make_ndarray(value.tensor)
            found[value.tag] = (event.step, array.item() if array.ndim == 0 else array.tolist())
    assert found["loss"] == (3, 1.5)
    assert found["timing/seconds"] == (3, 2.0)
    assert b"x = 1" in str(found["config"][1]).encode()
    assert _steps(tmp_path / "metrics.jsonl") == [3, 0]
