"""The page: `page.html` beside this file with its placeholders filled.

Enters: a view. Leaves: one HTML document that needs no other file and no network. What is filled in is never searched
for placeholders, so text from data cannot stand for one. Effects: reads `page.html`.
"""

from __future__ import annotations

import html
import importlib.resources
import re

from flan_mixtures.explore.example_cards import cards, choices
from flan_mixtures.explore.task_table import loss_rows, task_rows
from flan_mixtures.explore.view import View
from flan_mixtures.explore.weights_picture import picture, submixture_table

_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")


def page(view: View) -> str:
    """Returns the document."""
    values = {
        "mixture": html.escape(view.mixture),
        "about": _about(view),
        "source": html.escape(view.source),
        "figures": _figures(view),
        "picture": picture(view),
        "submixtures": submixture_table(view),
        "submixture_choices": choices(view.submixtures),
        "counted": f"{view.counted:,}",
        "task_rows": task_rows(view),
        "unit": html.escape(view.unit),
        "loss_rows": loss_rows(view),
        "sampled": f"{sum(each.sampled for each in view.losses.values()):,}",
        "task_choices": choices(sorted({sample.example.task for sample in view.samples})),
        "style_choices": choices(sorted({sample.example.style for sample in view.samples})),
        "cards": cards(view),
    }
    template = importlib.resources.files("flan_mixtures.explore").joinpath("page.html").read_text(encoding="utf-8")
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


def _about(view: View) -> str:
    lengths = view.lengths
    return html.escape(
        f"split {view.split} · seed {view.seed} · prompts of at most {lengths.inputs:,} and targets of at most"
        f" {lengths.targets:,} {view.unit}"
    )


def _figures(view: View) -> str:
    here = [task for task in view.tasks if not task.missing]
    shortened = sum(bool(sample.cuts) for sample in view.samples)
    dropped = sum(bool(sample.example.dropped_shots) for sample in view.samples)
    left_out = sum(sum(each.left_out.values()) for each in view.losses.values())
    figures = (
        (f"{len(here):,} of {len(view.tasks):,}", "tasks have data here"),
        (f"{sum(task.rows or 0 for task in here):,}", "rows in them"),
        (f"{sum(task.epochs > 1 for task in here):,}", f"tasks repeat within {view.counted:,} examples"),
        (f"{len(view.samples):,}", "examples below"),
        (f"{shortened:,}", "of them with a shortened field"),
        (f"{dropped:,}", "with fewer exemplars than drawn"),
        (f"{left_out:,}", "drawn rows left out"),
    )
    return "".join(f"<li><strong>{value}</strong> {name}</li>" for value, name in figures)
