"""The tables of tasks, as rows of HTML: shares and sources, and what was lost. Everything from data is escaped.

Cells that are sorted by number carry it in `data-v`. Enters: a view. Leaves: HTML. Effects: none.
"""

from __future__ import annotations

import html

from flan_mixtures.explore.view import Losses, TaskView, View
from flan_mixtures.explore.weights_picture import colour


def task_rows(view: View) -> str:
    """Returns a row per task, the largest share first."""
    ordered = sorted(view.tasks, key=lambda task: (-task.got, -task.asked))
    return "".join(_task_row(task, colour(view, task.submixture)) for task in ordered)


def _task_row(task: TaskView, colour_class: str) -> str:
    state = (
        f"<details><summary>missing</summary><small>{html.escape(task.missing)}</small></details>"
        if task.missing
        else "ok"
    )
    rows = -1 if task.rows is None else task.rows
    return (
        f'<tr class="{colour_class}" data-here="{0 if task.missing else 1}">'
        f'<th scope="row">{html.escape(task.task)}</th>'
        f'<td><i class="swatch"></i>{html.escape(task.submixture)}</td>'
        + number(task.asked, f"{task.asked:.3%}")
        + number(task.got, f"{task.got:.3%}")
        + number(rows, "?" if rows < 0 else f"{rows:,}")
        + number(task.examples, f"{task.examples:,}")
        + number(task.epochs, f"{task.epochs:.2f}", "many" if task.epochs > 1 else "")
        + f'<td class="{"gone" if task.missing else "here"}">{state}</td>'
        f"<td>{html.escape(task.cluster)}</td><td>{html.escape(task.category)}</td>"
        f"<td>{html.escape(task.licence)}</td></tr>"
    )


def loss_rows(view: View) -> str:
    """Returns a row per task with sampled examples, those that lost most first."""
    ordered = sorted(view.losses.items(), key=lambda item: -_lost(item[1]))
    return "".join(_loss_row(task, each) for task, each in ordered)


def _lost(each: Losses) -> int:
    return sum(each.left_out.values()) + each.with_dropped_shots + sum(each.shortened.values())


def _loss_row(task: str, each: Losses) -> str:
    shortened = ", ".join(f"{name} × {count}" for name, count in each.shortened.items())
    left_out = ", ".join(f"{reason} × {count}" for reason, count in each.left_out.items())
    return (
        f'<tr><th scope="row">{html.escape(task)}</th>'
        + number(each.sampled, f"{each.sampled:,}")
        + number(each.inputs_tokens, f"{each.inputs_tokens:,.0f}")
        + number(each.targets_tokens, f"{each.targets_tokens:,.0f}")
        + number(
            each.dropped_shots, f"{each.dropped_shots} in {each.with_dropped_shots}" if each.dropped_shots else "0"
        )
        + number(sum(each.shortened.values()), html.escape(shortened) or "0")
        + number(sum(each.left_out.values()), html.escape(left_out) or "0")
        + "</tr>"
    )


def number(value: float, shown: str, extra_class: str = "") -> str:
    """Returns a cell that is sorted by `value` and shows `shown`, which is HTML."""
    return f'<td class="{f"n {extra_class}".strip()}" data-v="{value:g}">{shown}</td>'
