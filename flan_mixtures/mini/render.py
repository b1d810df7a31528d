"""Rendering: a row, a template (which fixes the style), exemplars and a seed become the text of one example.

Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from flan_mixtures.draws import draws
from flan_mixtures.mini.question import enumerate_words
from flan_mixtures.mini.rows import Row
from flan_mixtures.mini.template import Template


@dataclasses.dataclass(frozen=True)
class Rendered:
    """The text of one example."""

    inputs: str
    targets: str


def render(row: Row, template: Template, shots: Sequence[Row] = (), seed: int = 0) -> Rendered:
    """Returns the prompt (instruction, exemplars, query) and the target of the query.

    The seed orders the answer options of each row that shows them; nothing else is drawn here.
    """
    exemplars = [f"{_question(shot, template, seed)} {_target(shot, template)}" for shot in shots]
    blocks = template.separator.join([*exemplars, _question(row, template, seed)])
    return Rendered(f"{template.instruction} {blocks}".strip(), _target(row, template))


def _question(row: Row, template: Template, seed: int) -> str:
    """Returns the question of a row up to where the answer begins."""
    fields = dict(row.question.fields)
    if "{options}" in template.input:
        options = list(row.question.options)
        draws(seed, row.row_id, "options").shuffle(options)
        fields["options"] = enumerate_words(options, last="or")
    return f"{template.input.format(**fields)} {template.cue}".strip()


def _target(row: Row, template: Template) -> str:
    return template.target.format(answer=row.question.answer, rationale=" ".join(row.question.steps))
