"""Progress is a line that fits any terminal, a calm log elsewhere, and never the reason a run stops."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from t5x.report.progress import Progress
from t5x.report.progress_line import RunState, duration, log_line, progress_line, short_number

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCALARS = {
    "loss_per_nonpadding_target_token": 1.25,
    "timing/nonpadding_tokens_per_second": 12345.6,
    "learning_rate": 0.001,
}
STATE = RunState(step=412, total=2000, scalars=SCALARS, elapsed=200.0, seconds_per_step=0.5)


class _Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture):
    """Returns the lines that were logged so far."""
    caplog.set_level(logging.INFO, logger="t5x.report.progress")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_wide_line_shows_everything():
    line = progress_line(STATE, 140)
    assert re.fullmatch(
        r"training  #+-+    412/2,000  20 %  loss 1\.250  12\.3k tokens/s  lr 0\.001  3:20 elapsed  13:14 left", line
    )


def test_no_line_is_wider_than_the_terminal():
    evaluating = RunState(step=5, total=9, phase="evaluating " + "x" * 100, done=3, of=27)
    for width in range(1, 160):
        assert len(progress_line(STATE, width)) <= width
        assert len(progress_line(evaluating, width)) <= width


def test_a_narrow_line_keeps_the_steps_and_drops_the_rest():
    assert progress_line(STATE, 12).strip() == "412/2,000"
    assert "left" in progress_line(STATE, 45)
    assert "elapsed" not in progress_line(STATE, 45)


def test_what_is_not_known_is_not_shown():
    assert log_line(RunState(step=1, total=10, elapsed=3)) == "step  1/10, 10 %, 0:03 elapsed"


def test_durations_and_numbers_are_short():
    assert [duration(s) for s in (0.4, 200, 3725, 100_000)] == ["0:00", "3:20", "1:02:05", "1 d 3:46"]
    assert [short_number(n) for n in (950, 12_345, 2.5e6, 0)] == ["950", "12.3k", "2.5M", "0"]


def test_a_log_gets_the_first_step_then_a_line_every_ten_seconds(log):
    clock = _Clock()
    with Progress(1_000_000, stream=io.StringIO(), clock=clock) as progress:
        for step in range(1, 32):
            clock.now += 1
            progress.step(step, SCALARS)
    assert [line.split("/")[0].split()[1] for line in log()] == ["1", "11", "21", "31"]


def test_a_short_run_logs_each_twentieth_and_its_last_step(log):
    clock = _Clock()
    with Progress(100, first_step=0, stream=io.StringIO(), clock=clock) as progress:
        for step in range(1, 101):
            clock.now += 0.25
            progress.step(step)
    steps = [int(line.split("/")[0].split()[1]) for line in log()]
    assert steps == [1, *range(5, 101, 5)]


def test_a_phase_and_a_message_are_logged_once(log):
    clock = _Clock()
    with Progress(10, stream=io.StringIO(), clock=clock) as progress:
        for done in range(8):
            progress.phase("evaluating mini_flan", done, 8)
        progress.message("trainable: 3 arrays")
    assert log() == ["evaluating mini_flan 0/8", "trainable: 3 arrays"]


def test_time_spent_evaluating_does_not_slow_the_estimate(log):
    clock = _Clock()
    with Progress(100, stream=io.StringIO(), clock=clock) as progress:
        progress.step(1)
        clock.now += 1
        progress.step(2)
        progress.phase("evaluating", 0, 1)
        clock.now += 1000
        progress.step(3)
        clock.now += 11
        progress.phase("training")
        progress.step(4)
    assert log()[-1].endswith("1:36 left")  # 96 steps of one second


def test_steps_of_another_activity_are_called_by_its_name(log):
    clock = _Clock()
    with Progress(100, stream=io.StringIO(), clock=clock, activity="predict mini_flan") as progress:
        progress.step(32)
        clock.now += 16
        progress.step(64)
    assert log()[-1] == "predict mini_flan  64/100, 64 %, 0:16 elapsed, 0:18 left"


def test_metrics_not_given_again_stay(log):
    with Progress(2, stream=io.StringIO()) as progress:
        progress.step(1, SCALARS)
        progress.step(2)
    assert "loss 1.250" in log()[-1]


def test_a_closed_or_missing_stream_does_not_stop_a_run():
    stream = io.StringIO()
    stream.close()
    with Progress(2, stream=stream) as progress:
        progress.step(1)
        progress.message("still here")
    with Progress(2, stream=object()) as progress:
        progress.step(1)


RUN = """
import logging, sys, time
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="LOG %(message)s")
from t5x.report.progress import Progress
with Progress(40) as progress:
    for step in range(1, 41):
        time.sleep(0.01)
        progress.step(step, {"loss_per_nonpadding_target_token": 5 / step, "learning_rate": 0.001})
        if step == 10: progress.message("a message \\u2014 [bold]as it is[/]")
        if step == 20: logging.warning("a log line of " + "/a/long/path" * 12)
        if step == 30:
            progress.phase("evaluating some_task", 1, 8); time.sleep(0.6)
            print("printed"); print("to a file", file=open(sys.argv[1], "w"))
print("afterwards")
"""


def _on_a_terminal(columns: int, tmp_path: pathlib.Path, **environment: str) -> str:
    """Runs RUN on a pseudo-terminal and returns all that it wrote there."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    names = {"TERM": "xterm", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment}
    kept = {
        key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path / "out")],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**kept, **names},
        cwd=tmp_path,
    )
    os.close(follower)
    written = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # how Linux says that the other end was closed
            break
        if not chunk:
            break
        written += chunk
    os.close(leader)
    assert process.wait() == 0, written.decode(errors="replace")
    return written.decode(errors="replace")


def _screen(written: str) -> list[str]:
    """Returns the lines a person would see: what a carriage return and an erased line leave of each."""
    plain = re.sub(r"\x1b\[\??25[lh]", "", written)
    lines = [re.split(r"\r|\x1b\[2K", line.rstrip("\r"))[-1] for line in plain.split("\n")]
    return [line for line in lines if line]


def test_on_a_terminal_one_line_is_redrawn_and_text_stands_above_it(tmp_path):
    written = _on_a_terminal(100, tmp_path)
    screen = _screen(written)
    assert screen[0] == "a message — [bold]as it is[/]"
    assert screen[1] == "LOG a log line of " + "/a/long/path" * 12  # not broken: it can be copied
    assert screen[2] == "printed"
    assert re.match(r"training  ━+  40/40  100 %  loss 0\.1250  lr 0\.001", screen[3])
    assert screen[4:] == ["afterwards"]
    assert "evaluating some_task 1/8" in written
    assert (tmp_path / "out").read_text() == "to a file\n"
    assert written.count("\x1b[?25h") == 1  # the cursor is back


@pytest.mark.parametrize("columns", [1, 7, 30])
def test_a_tiny_terminal_breaks_nothing(tmp_path, columns):
    screen = _screen(_on_a_terminal(columns, tmp_path))
    assert screen[-1] == "afterwards"


def test_a_terminal_that_is_not_utf8_gets_ascii(tmp_path):
    screen = _screen(_on_a_terminal(100, tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C"))
    assert screen[0] == "a message ? [bold]as it is[/]"
    assert re.match(r"training  #+  40/40", screen[3])


def test_a_dumb_terminal_gets_log_lines(tmp_path):
    written = _on_a_terminal(100, tmp_path, TERM="dumb")
    assert "\x1b" not in written
    assert "LOG step 40/40, 100 %" in written
