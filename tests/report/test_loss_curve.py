"""The loss curve is drawn from the files a run wrote, whatever state they are in."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from t5x.errors import UserError
from t5x.report.jsonl_writer import JsonlWriter
from t5x.report.loss_curve import smoothed, write_loss_curve

TAG = "loss_per_nonpadding_target_token"


def _metrics(path, losses, **others):
    writer = JsonlWriter(path)
    for step, loss in enumerate(losses, start=1):
        writer.write_scalars(step, {TAG: loss, **others})
    writer.close()
    return path


def _size(png) -> tuple[int, int]:
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG")
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def test_smoothing_keeps_a_straight_line_straight_and_does_not_lag():
    line = np.linspace(5.0, 1.0, 101)
    np.testing.assert_allclose(smoothed(line, 0.1)[5:-5], line[5:-5])


def test_smoothing_passes_over_what_is_not_finite():
    values = np.array([2.0, np.nan, 4.0, np.inf, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(smoothed(values, 3 / 7), [2, 3, 4, 4, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(smoothed(np.array([7.0])), [7])


@pytest.mark.parametrize(
    "losses",
    [[3.0], [5.0, 4.0, 3.5], list(np.geomspace(5, 0.01, 200)), [3.0, float("nan"), float("inf")], [0.0, 0.0]],
    ids=["one point", "short", "logarithmic", "not finite", "zero"],
)
def test_a_picture_is_drawn_for_every_kind_of_run(tmp_path, losses):
    metrics = _metrics(tmp_path / "metrics.jsonl", losses, learning_rate=0.1)
    write_loss_curve(metrics, tmp_path / "new" / "curve.png", title="a [run] with $signs")
    assert _size(tmp_path / "new" / "curve.png") == (1080, 660)


def test_evaluations_few_or_many_and_without_a_file_are_drawn(tmp_path):
    metrics = _metrics(tmp_path / "metrics.jsonl", [3.0, 2.0, 1.0])
    pictures = []
    for count in (0, 2, 9):
        evaluations = {f"t{i}": _metrics(tmp_path / f"{count}_{i}.jsonl", [3.0, 2.5 + i / 9]) for i in range(count)}
        png = tmp_path / f"{count}.png"
        write_loss_curve(metrics, png, title="t", train_eval={**evaluations, "absent": tmp_path / "absent.jsonl"})
        _size(png)
        pictures.append(png.read_bytes())
    assert len(set(pictures)) == 3


def test_metrics_without_a_loss_are_a_users_mistake_and_leave_no_picture(tmp_path):
    JsonlWriter(tmp_path / "metrics.jsonl").write_scalars(1, {"accuracy": 1.0})
    with pytest.raises(UserError, match=r"metrics\.jsonl holds no number under 'loss_per_nonpadding_target_token'"):
        write_loss_curve(tmp_path / "metrics.jsonl", tmp_path / "curve.png", title="t")
    assert not (tmp_path / "curve.png").exists()


def test_drawing_touches_no_global_state_of_matplotlib(tmp_path):
    metrics = _metrics(tmp_path / "metrics.jsonl", [3.0, 2.0])
    code = (
        "import sys\n"
        "from t5x.report.loss_curve import write_loss_curve\n"
        "write_loss_curve(sys.argv[1], sys.argv[2], title='t')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(metrics), str(tmp_path / "curve.png")], check=True)
