r"""UnifiedQA's questions, whose choices stand in the text: `what is wet? \n (a) fire (b) water (c) air (d) sand`.

Enters: `input`, `output` (the right choice's text). Leaves also: `question`, `choices`.
Records with another number of choices than four are left out, as the Flan Collection has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True

_CHOICE = re.compile(r"\s*\(([a-z])\)\s+", re.IGNORECASE)
_LINE_BREAK = "\\n"  # two characters: the files write a line break so


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record with question and choices apart, or None where the choices are not four."""
    question, line_break, rest = record["input"].partition(_LINE_BREAK)
    before, *pieces = _CHOICE.split(rest.replace(_LINE_BREAK, " "))
    letters, choices = pieces[::2], [choice.strip() for choice in pieces[1::2]]
    if not line_break or before.strip() or [letter.lower() for letter in letters] != list("abcd"):
        return None
    return {**record, "question": question.strip(), "choices": choices, "output": record["output"].strip()}
