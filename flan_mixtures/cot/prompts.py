"""Renders a chain-of-thought row as a prompt and a target.

Enters: a `CotRow` and the form of its target: `rationale` (reasoning, then the answer phrase), `direct` (the answer).
Leaves: the texts. Which phrasing a row gets depends on the row and the form alone.
Source: the phrasings are data, in `prompts.toml` beside this file. Effects: reads that file once.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib

from flan_mixtures.cot.rows import CotRow, draw

FORMS = ("rationale", "direct")

_ENDS_A_SENTENCE = (".", "!", "?", ":", ";", '."', '!"', '?"', ".)")


@dataclasses.dataclass(frozen=True)
class Prompt:
    """One phrasing: texts with the fields {question}, {rationale} and {answer}."""

    id: str
    inputs: str
    targets: str


@functools.cache
def prompts(form: str) -> tuple[Prompt, ...]:
    """Returns the phrasings of one form, in file order."""
    text = importlib.resources.files("flan_mixtures.cot").joinpath("prompts.toml").read_text(encoding="utf-8")
    return tuple(Prompt(**entry) for entry in tomllib.loads(text)[form])


def render(row: CotRow, form: str) -> dict[str, str]:
    """Returns `inputs` and `targets` of the row, and where they come from: `_task_name`, `_row_id`, `_template_id`."""
    choices = prompts(form)
    prompt = choices[draw(row.row_id, f"prompt {form}", len(choices))]
    fields = {"question": row.question, "answer": row.answer, "rationale": as_sentence(row.rationale)}
    return {
        "inputs": prompt.inputs.format_map(fields),
        "targets": prompt.targets.format_map(fields),
        "_task_name": row.dataset,
        "_row_id": row.row_id,
        "_template_id": prompt.id,
    }


def as_sentence(text: str) -> str:
    """Returns the text with a full stop where it has no end mark, so that the answer phrase starts a new sentence."""
    return text if text.endswith(_ENDS_A_SENTENCE) else f"{text}."
