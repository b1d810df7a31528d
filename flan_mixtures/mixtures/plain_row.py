"""A rendered example as a mapping of plain values: what an export writes and the Python API gives.

Enters: an example and the declaration of its task. Leaves: a dict of texts, numbers, truth values, None and lists of
them, with the same keys in the same order for every row. Effects: none.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.mixtures.read import Read
from flan_mixtures.rendering.example import Example
from flan_mixtures.rendering.fit import Fitted, LeftOut
from t5x.errors import UserError

# So many positions in a row without an example mean that there will be none.
MOST_LEFT_OUT = 20_000

# Texts, lists and numbers of a row: formats that need a type for each column take it from here.
TEXTS = (
    "inputs",
    "targets",
    "task",
    "row_id",
    "template_id",
    "style",
    "option_style",
    "reasoning",
    "submixture",
    "dataset",
    "cluster",
    "category",
    "licence",
    "task_source",
    "task_name",
    "template_type",
)
TEXT_LISTS = ("shots", "options", "shortened", "languages")
NUMBERS = ("position", "template_index", "gold", "dropped_shots", "template_idx")
TRUTHS = ("label_target", "inverted")
NUMBER_LISTS = ("inputs_tokens", "targets_tokens")  # where they are asked for


def plain_row(position: int, fitted: Fitted, declaration: Declaration, with_tokens: bool = False) -> dict[str, Any]:
    """Returns the row.

    Args:
      position: where it stands in the mixture.
      fitted: the example with its tokens.
      declaration: its task.
      with_tokens: adds `inputs_tokens` and `targets_tokens`, without EOS.
    """
    row = {**described(fitted.example, declaration), "position": position}
    if with_tokens:
        row["inputs_tokens"] = list(fitted.inputs)
        row["targets_tokens"] = list(fitted.targets)
    return row


def described(example: Example, declaration: Declaration) -> dict[str, Any]:
    """Returns an example with what its task's declaration says and the Flan Collection's public names."""
    return {
        **example.as_dict(),
        "submixture": declaration.submixture,
        "dataset": declaration.dataset,
        "cluster": declaration.cluster,
        "category": declaration.category,
        "licence": declaration.licence,
        "languages": list(declaration.languages),
        "template_idx": example.template_index,
        "task_source": declaration.submixture,
        "task_name": example.task,
        "template_type": example.template_type,
    }


def until_none_come(reads: Iterator[Read], name: str) -> Iterator[Read]:
    """Yields what it is given. Raises UserError once `MOST_LEFT_OUT` positions in a row gave no example."""
    reasons: collections.Counter[str] = collections.Counter()
    for position, example in reads:
        if isinstance(example, LeftOut):
            reasons[example.reason] += 1
            if reasons.total() >= MOST_LEFT_OUT:
                raise UserError(
                    f"The mixture {name!r} gave no example at {reasons.total():,} positions in a row, up to {position}"
                    f": {_counted(reasons)}. Raise the lengths, or mend the data."
                )
        else:
            reasons.clear()
        yield position, example


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count:,} times {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1])
    )
