"""The examples of a task, in order: rows rendered in one style.

Enters: family, style (`zs`, `fs`, `cot`), split, number of rows, seed. Leaves: examples, the same ones every time.
Training rows are rows 0, 1, 2, ...; evaluation rows are those with each question once. Effects: none.
"""

from __future__ import annotations

import dataclasses

from flan_mixtures.draws import draws
from flan_mixtures.mini.exemplars import choose_exemplars
from flan_mixtures.mini.records import rows
from flan_mixtures.mini.render import render
from flan_mixtures.mini.rows import Row
from flan_mixtures.mini.template import templates
from flan_mixtures.mini.vocabulary import count_tokens

# Feature lengths, in tokens with the end-of-sequence token, that hold every example whole. A test measures them.
INPUT_LENGTH = 128
TARGET_LENGTH = 40


@dataclasses.dataclass(frozen=True)
class Example:
    """One rendered example and where it comes from."""

    inputs: str
    targets: str
    row: Row
    template_number: int
    shots: tuple[Row, ...]


def examples(family: str, style: str, split: str, count: int, seed: int = 0) -> list[Example]:
    """Returns the first `count` examples of a split, each with a template drawn for its row."""
    return [_example(each, style, seed) for each in rows(family, split, count, seed)]


def _example(row: Row, style: str, seed: int) -> Example:
    choices = templates(row.family)[style]
    template = draws(seed, row.row_id, style, "template").choice(choices)
    shots: tuple[Row, ...] = ()
    if style == "fs":
        shots = choose_exemplars(row, template, count_tokens, INPUT_LENGTH - 1, seed)  # 1 for end of sequence
    rendered = render(row, template, shots, seed)
    return Example(rendered.inputs, rendered.targets, row, template.number, shots)
