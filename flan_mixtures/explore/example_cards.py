"""Rendered examples as HTML: prompt, target, sizes, what is known about them, what was cut. All text is escaped.

Enters: a view. Leaves: HTML. Effects: none.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from flan_mixtures.explore.cut import Cut
from flan_mixtures.explore.view import Sample, View
from flan_mixtures.explore.weights_picture import colour


def cards(view: View) -> str:
    """Returns a card per example, by task in the order of shares, then as they were drawn."""
    place = {task.task: i for i, task in enumerate(sorted(view.tasks, key=lambda task: -task.got))}
    ordered = sorted(view.samples, key=lambda sample: place[sample.example.task])
    return "".join(_card(sample, colour(view, sample.submixture), view.unit) for sample in ordered)


def choices(values: Iterable[str]) -> str:
    """Returns the options of a select box."""
    return "".join(
        f'<option value="{html.escape(value, quote=True)}">{html.escape(value)}</option>' for value in values
    )


def _card(sample: Sample, colour_class: str, unit: str) -> str:
    example = sample.example
    lost = bool(sample.cuts or example.dropped_shots)
    return (
        f'<article class="card {colour_class}" data-task="{html.escape(example.task, quote=True)}" '
        f'data-style="{html.escape(example.style, quote=True)}" data-cut="{int(lost)}">'
        f"<header><h3>{html.escape(example.task)}</h3>{''.join(_chips(sample, unit))}</header>"
        f'<pre class="in">{html.escape(example.inputs)}</pre>'
        f'<pre class="out">{html.escape(example.targets)}</pre>'
        f"{_dropped(sample)}{''.join(map(_cut, sample.cuts))}"
        f"<footer>{html.escape(example.row_id)} · {html.escape(example.template_id)}{_shots(sample)}</footer></article>"
    )


def _chips(sample: Sample, unit: str) -> Iterable[str]:
    example = sample.example
    yield f'<b class="chip style">{html.escape(example.style)}</b>'
    yield f'<b class="chip">{sample.inputs_tokens:,} → {sample.targets_tokens:,} {html.escape(unit)}</b>'
    if example.shots:
        yield f'<b class="chip">{len(example.shots)} shot{"s" * (len(example.shots) > 1)}</b>'
    if example.option_style:
        yield f'<b class="chip">options {html.escape(example.option_style)}</b>'
    if example.gold is not None:
        yield f'<b class="chip">right: {example.gold + 1} of {len(example.options)}</b>'
    if example.reasoning:
        yield f'<b class="chip">{html.escape(example.reasoning.replace("_", " "))}</b>'
    if example.inverted:
        yield '<b class="chip">inverted</b>'
    if sample.cuts or example.dropped_shots:
        yield '<b class="chip cut">cut</b>'


def _shots(sample: Sample) -> str:
    shots = sample.example.shots
    return f" · exemplars {html.escape(', '.join(shots))}" if shots else ""


def _dropped(sample: Sample) -> str:
    example = sample.example
    if not example.dropped_shots:
        return ""
    wanted = example.dropped_shots + len(example.shots)
    return f'<p class="lost">{example.dropped_shots} of {wanted} exemplars were left out to fit.</p>'


def _cut(cut: Cut) -> str:
    gone = len(cut.left_out.split())
    return (
        f'<details class="lost"><summary>{html.escape(cut.field)}: {gone:,} of {cut.words:,} words were left out '
        f"({html.escape(cut.policy)})</summary><pre><del>{html.escape(cut.left_out)}</del></pre></details>"
    )
