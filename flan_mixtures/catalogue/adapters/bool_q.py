"""BoolQ: SuperGLUE's copy has the title before the passage, `Title -- passage`, where TFDS's has it apart.

Enters: `passage`, in one copy `title`; `answer` or `label`. Leaves: `title`, `passage`, `verdict` (the right answer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BETWEEN = " -- "


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with its title apart. Raises ValueError for a passage without one."""
    verdict = record["answer"] if "answer" in record else record["label"]
    if "title" in record:
        return {**record, "verdict": verdict}
    title, between, passage = record["passage"].partition(_BETWEEN)
    if not between:
        raise ValueError(f"its passage begins without a title and {_BETWEEN!r}")
    return {**record, "title": title, "passage": passage, "verdict": verdict}
