"""Every way in which a task's rows can be rendered, one choice per axis changed at a time, to be looked at.

Enters: what a task has (options, rationales, inversions) and a number of shots. Leaves: titles and style
distributions that leave nothing to chance but the look of options and the wording. Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from flan_mixtures.rendering.style import StyleDistribution, style_distribution

# Names of the styles that public mixtures use, in the order in which they are shown.
PUBLIC = ("zsopt", "zsnoopt", "fsopt", "fsnoopt")
_WITHOUT_OPTIONS = ("zsopt", "fsopt")  # of tasks that have none: the others would be the same


def public_styles(has_options: bool, shots: int | None) -> list[tuple[str, StyleDistribution]]:
    """Returns the styles of the public mixtures; `shots` settles the number of exemplars of few-shot ones."""
    names = PUBLIC if has_options else _WITHOUT_OPTIONS
    return [(name, with_shots(style_distribution(name), shots)) for name in names]


def with_shots(style: StyleDistribution, shots: int | None) -> StyleDistribution:
    """Returns a few-shot style with that number of exemplars; None and zero-shot styles stay as they are."""
    if shots is None or set(style.shots) == {0}:
        return style
    return dataclasses.replace(style, shots={shots: 1.0})


def all_variants(
    shots: int, *, has_options: bool, has_rationale: bool, has_inversions: bool
) -> list[tuple[str, StyleDistribution]]:
    """Returns a title and a style for every choice on every axis that the task has."""
    return [
        *_zero_shot(has_options, has_rationale),
        *_few_shot(shots, has_options, has_rationale),
        *(_inverted(shots) if has_inversions else ()),
    ]


def _zero_shot(has_options: bool, has_rationale: bool) -> Iterator[tuple[str, StyleDistribution]]:
    zero = StyleDistribution("zsopt")
    if has_options:
        yield "zero-shot · options, the target is a label where the look has labels", zero
        yield "zero-shot · options, the target is text", dataclasses.replace(zero, label_target=0.0)
        yield "zero-shot · options in the plain look", dataclasses.replace(zero, option_look="plain")
        yield "zero-shot · no options", StyleDistribution("zsnoopt", options=0.0)
    elif not has_rationale:
        yield "zero-shot", zero
    yield "zero-shot · as a chat", dataclasses.replace(zero, layout={"chat": 1.0})
    if has_rationale:
        yield from _reasoning("zero-shot", zero)


def _few_shot(shots: int, has_options: bool, has_rationale: bool) -> Iterator[tuple[str, StyleDistribution]]:
    few = StyleDistribution("fsopt", shots={shots: 1.0})
    for instruction, said in (("once", "said once"), ("each", "with each example"), ("none", "left out")):
        yield f"few-shot · instruction {said}", dataclasses.replace(few, instruction={instruction: 1.0})
    if has_options:
        yield "few-shot · options in the plain look", dataclasses.replace(few, option_look="plain", label_target=0.0)
        yield "few-shot · no options", dataclasses.replace(few, name="fsnoopt", options=0.0)
    yield "few-shot · a template of its own for each exemplar", dataclasses.replace(few, templates={"mixed": 1.0})
    yield "few-shot · as a chat", dataclasses.replace(few, layout={"chat": 1.0})
    if has_rationale:
        yield from _reasoning("few-shot", few)


def _reasoning(title: str, style: StyleDistribution) -> Iterator[tuple[str, StyleDistribution]]:
    for reasoning in ("rationale_first", "answer_first", "direct"):
        yield f"{title} · {reasoning.replace('_', ' ')}", dataclasses.replace(style, reasoning={reasoning: 1.0})


def _inverted(shots: int) -> Iterator[tuple[str, StyleDistribution]]:
    yield "zero-shot · inverted", StyleDistribution("zsopt", inverted=1.0)
    yield "few-shot · inverted", StyleDistribution("fsopt", shots={shots: 1.0}, inverted=1.0)
