"""The picture of the weights, as SVG: a field per task, tasks of a submixture beside each other, area by share.

Enters: tasks with shares. Leaves: HTML. Everything from data is escaped. Effects: none.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from flan_mixtures.explore.treemap import Rectangle, squarified
from flan_mixtures.explore.view import TaskView, View

COLOURS = 8  # classes c0 to c7 of page.html; more submixtures start again
# Width and height of the two pictures, for wide windows and for phones, in units of about a pixel.
_WIDE = (1120, 520)
_NARROW = (360, 520)
_HEAD = 20  # height of a submixture's heading
_LETTER = 7.2  # width of a letter of the labels
_LEAST = (46, 15)  # width and height that a label needs


def picture(view: View) -> str:
    """Returns the picture twice, for wide windows and for phones; the page shows one of them."""
    tasks = [task for task in view.tasks if task.got > 0]
    return "".join(
        f'<svg class="treemap {name}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Share of each task of {html.escape(view.mixture)}">'
        f"{_submixtures(view.submixtures, tasks, width, height)}</svg>"
        for name, (width, height) in (("wide", _WIDE), ("narrow", _NARROW))
    )


def colour(view: View, submixture: str) -> str:
    """Returns the class of a submixture's colour."""
    return f"c{view.submixtures.index(submixture) % COLOURS}"


def submixture_table(view: View) -> str:
    """Returns a table of submixtures: tasks, tasks that are here, the share asked for and the share got, with bars."""
    rows = []
    for name in view.submixtures:
        tasks = [task for task in view.tasks if task.submixture == name]
        asked, got = sum(task.asked for task in tasks), sum(task.got for task in tasks)
        here = sum(not task.missing for task in tasks)
        rows.append(
            f'<tr class="{colour(view, name)}"><th scope="row"><i class="swatch"></i>{html.escape(name)}</th>'
            f'<td class="n">{here:,} of {len(tasks):,}</td>'
            f'<td class="n">{asked:.1%}</td><td class="n">{got:.1%}</td>'
            f'<td class="bars"><i class="bar asked" style="width:{asked:.2%}"></i>'
            f'<i class="bar" style="width:{got:.2%}"></i></td></tr>'
        )
    return "".join(rows)


def _submixtures(names: Sequence[str], tasks: Sequence[TaskView], width: float, height: float) -> str:
    groups = {name: [task for task in tasks if task.submixture == name] for name in names}
    shares = {name: sum(task.got for task in group) for name, group in groups.items() if group}
    ordered = sorted(shares, key=lambda name: -shares[name])
    boxes = squarified([shares[name] for name in ordered], Rectangle(0, 0, width, height))
    parts = []
    for name, box in zip(ordered, boxes, strict=True):
        parts.append(f'<g class="c{names.index(name) % COLOURS}">')
        inner = box
        if box.height > 2.5 * _HEAD and box.width > _LEAST[0]:
            inner = Rectangle(box.x, box.y + _HEAD, box.width, box.height - _HEAD)
            label = _clipped(f"{name} {shares[name]:.1%}", box.width)
            parts.append(f'<text class="head" x="{box.x + 4:.1f}" y="{box.y + 14:.1f}">{label}</text>')
        parts += [_tasks(groups[name], inner), "</g>"]
    return "".join(parts)


def _tasks(tasks: Sequence[TaskView], box: Rectangle) -> str:
    ordered = sorted(tasks, key=lambda task: -task.got)
    boxes = squarified([task.got for task in ordered], box)
    return "".join(_task(task, place) for task, place in zip(ordered, boxes, strict=True))


def _task(task: TaskView, box: Rectangle) -> str:
    name = html.escape(task.task, quote=True)
    about = html.escape(
        f"{task.task}: {task.got:.3%} of the examples (asked for {task.asked:.3%}), {task.epochs:.2f} epochs",
        quote=True,
    )
    label = ""
    if box.width > _LEAST[0] and box.height > _LEAST[1]:
        label = f'<text x="{box.x + 4:.1f}" y="{box.y + 12.5:.1f}">{_clipped(task.task, box.width)}</text>'
    return (
        f'<g class="task" data-task="{name}" data-about="{about}"><rect x="{box.x:.1f}" y="{box.y:.1f}" '
        f'width="{box.width:.1f}" height="{box.height:.1f}"><title>{about}</title></rect>{label}</g>'
    )


def _clipped(text: str, width: float) -> str:
    letters = int((width - 8) / _LETTER)
    return html.escape(text if len(text) <= letters else text[: max(letters - 1, 0)] + "…")
