"""What may stand in a template file: the type of every key, so that a slip is named where it was made.

Enters: the content of a file or of one template, as TOML gives it. Leaves: nothing. Effects: none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from t5x.errors import UserError

Check = tuple[Callable[[Any], bool], str]

_TEXT: Check = (lambda value: isinstance(value, str), "a text")
_SWITCH: Check = (lambda value: isinstance(value, bool), "true or false")
_TEXTS: Check = (
    lambda value: isinstance(value, list) and all(isinstance(entry, str) for entry in value),
    "a list of texts",
)
_TEMPLATES: Check = (
    lambda value: isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value),
    "a table for each template, such as [[zero_shot]] with `id` and `input`",
)

# The keys at a file's top, and those of a template that hold no text.
FAMILY: Mapping[str, Check] = {
    **dict.fromkeys(("fields", "instructions", "task_fields"), _TEXTS),
    **dict.fromkeys(("zero_shot", "few_shot", "inversion"), _TEMPLATES),
    "options": _SWITCH,
}
TEMPLATE: Mapping[str, Check] = {"predicts": _TEXTS, "mixable": _SWITCH}


def check_types(given: Mapping[str, Any], checks: Mapping[str, Check], who: str) -> None:
    """Raises UserError for a value that its key cannot have: a text where `checks` says nothing else."""
    for key, value in given.items():
        fits, expected = checks.get(key, _TEXT)
        if not fits(value):
            raise UserError(f"{who} has {key} = {value!r}: expected {expected}.")
