"""A picture of a run's loss: every written value faintly, a smoothed line over it, evaluations, the learning rate.

Enters: the JSONL files that the metric writer wrote. Leaves: a PNG.
Effects: reads the files, writes the picture; no window is opened, and matplotlib's own settings stay as they are.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t5x.errors import UserError
from t5x.report.jsonl_writer import read_jsonl
from t5x.report.progress_line import LEARNING_RATE_TAG, LOSS_TAGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A point of the smoothed line is the mean of this part of the run, half of it on each side: short enough to show a
# turn, long enough to be one line.
SMOOTHED_PART = 1 / 25
# A loss that falls further than this is drawn on a logarithmic axis, where its last part would else lie on the floor.
LOGARITHMIC_FROM = 20.0
# More evaluations than this are drawn as faint lines with their mean.
LABELLED_EVALUATIONS = 4

Curve = tuple[np.ndarray, np.ndarray]  # steps, values; both [n]


def write_loss_curve(
    metrics_jsonl: str | os.PathLike[str],
    png: str | os.PathLike[str],
    *,
    title: str,
    train_eval: Mapping[str, str | os.PathLike[str]] | None = None,
) -> None:
    """Draws the training loss per non-padding target token over steps.

    Args:
      metrics_jsonl: the training metrics, `<model_dir>/train/metrics.jsonl`.
      png: the picture; its folder is made if need be.
      title: the line above the picture.
      train_eval: name -> its `<model_dir>/training_eval/<task>/metrics.jsonl`; those without a loss are left out.

    Raises:
      UserError: the training metrics are missing, damaged, or hold no loss.
    """
    rows = read_jsonl(metrics_jsonl)
    loss = _loss(rows)
    if loss is None or not np.isfinite(loss[1]).any():
        raise UserError(
            f"{metrics_jsonl} holds no number under {' or '.join(map(repr, LOSS_TAGS))}, so there is no curve to draw; "
            f"expected the metrics of a training run that wrote them at least once (stats_period steps)."
        )
    evaluations = {name: _loss(read_jsonl(path)) for name, path in (train_eval or {}).items() if os.path.exists(path)}
    _draw(
        pathlib.Path(png),
        title=title,
        loss=loss,
        evaluations={name: curve for name, curve in evaluations.items() if curve is not None},
        rate=_curve(rows, LEARNING_RATE_TAG),
    )


def smoothed(values: np.ndarray, part: float = SMOOTHED_PART) -> np.ndarray:
    """Returns the mean around each value, over `part` of all values, [n] -> [n]; at the ends over what there is.

    Values that are not finite are passed over; where there is no other, the mean is NaN. A mean of both sides does not
    lag behind a falling loss, as a running mean would.
    """
    finite = np.isfinite(values)
    totals = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    half = int(part * len(values) / 2)
    first = np.maximum(np.arange(len(values)) - half, 0)
    end = np.minimum(np.arange(len(values)) + half + 1, len(values))
    count = counts[end] - counts[first]
    return np.where(count > 0, (totals[end] - totals[first]) / np.maximum(count, 1), np.nan)


def _loss(rows: Sequence[Mapping[str, Any]]) -> Curve | None:
    return next((curve for tag in LOSS_TAGS if (curve := _curve(rows, tag)) is not None), None)


def _curve(rows: Sequence[Mapping[str, Any]], tag: str) -> Curve | None:
    """Returns the steps and values of a tag; None if no row has it. "NaN" and "Infinity" are numbers here."""
    points = [(row["step"], float(row[tag])) for row in rows if tag in row]
    return (np.array([step for step, _ in points]), np.array([value for _, value in points])) if points else None


def _draw(png: pathlib.Path, *, title: str, loss: Curve, evaluations: Mapping[str, Curve], rate: Curve | None) -> None:
    # The object interface: pyplot would pick a window system and keep figures for the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    figure = Figure(figsize=(9, 5.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    if rate is None:
        upper = bottom = figure.subplots()
    else:
        upper, bottom = figure.subplots(2, sharex=True, height_ratios=[4, 1])
        bottom.plot(*rate, color="tab:gray", linewidth=1.5, **_marker(rate))
        bottom.set_ylabel("learning rate")
        bottom.set_ylim(bottom=0)
        bottom.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
        bottom.grid(alpha=0.25)
    _draw_losses(upper, loss, evaluations)
    upper.set_title(title, loc="left", fontsize=11)
    bottom.set_xlabel("step (optimizer updates)")
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    bottom.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bottom.margins(x=0.01)
    png.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(png, format="png")


def _draw_losses(axes: Axes, loss: Curve, evaluations: Mapping[str, Curve]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    steps, values = loss
    mean = smoothed(values)
    axes.plot(steps, values, color="tab:blue", alpha=0.3, linewidth=0.8, **_marker(loss))
    last = mean[np.isfinite(mean)][-1]
    axes.plot(steps, mean, color="tab:blue", linewidth=2, label=f"training, smoothed (last {last:.3g})")
    if len(evaluations) <= LABELLED_EVALUATIONS:
        for number, (name, curve) in enumerate(evaluations.items(), start=1):
            label = f"{_cut(name)} (last {curve[1][-1]:.3g})"
            axes.plot(*curve, color=f"C{number}", marker="o", markersize=4, linewidth=1.5, label=label)
    else:
        _draw_many(axes, evaluations)
    broken = steps[~np.isfinite(values)]
    if len(broken):
        axes.axvline(broken[0], color="tab:red", linestyle="--", linewidth=1, label=f"not finite at step {broken[0]:,}")
    shown = np.concatenate([mean, *(curve[1] for curve in evaluations.values())])
    shown = shown[np.isfinite(shown)]
    if shown.min() > 0 and shown.max() / shown.min() > LOGARITHMIC_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        # A single spike of the raw values must not press the line to the floor.
        axes.set_ylim(0, max(1.1 * shown.max(), 1e-9))
    axes.set_ylabel("loss per target token (nats)")
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right", frameon=False, fontsize=9)


def _draw_many(axes: Axes, evaluations: Mapping[str, Curve]) -> None:
    """Draws many evaluations as faint lines, and the mean over those that have a value at every step."""
    for curve in evaluations.values():
        axes.plot(*curve, color="tab:orange", alpha=0.3, linewidth=1)
    steps = sorted(set.intersection(*(set(map(int, curve[0])) for curve in evaluations.values())))
    if steps:
        tables = [dict(zip(map(int, curve[0]), curve[1], strict=True)) for curve in evaluations.values()]
        means = [float(np.mean([table[step] for table in tables])) for step in steps]
        label = f"mean of {len(evaluations)} evaluations (last {means[-1]:.3g})"
        axes.plot(steps, means, color="tab:orange", marker="o", markersize=4, linewidth=2, label=label)


def _marker(curve: Curve) -> dict[str, Any]:
    """One point alone draws no line."""
    return {"marker": "o", "markersize": 4} if len(curve[0]) == 1 else {}


def _cut(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "..."
