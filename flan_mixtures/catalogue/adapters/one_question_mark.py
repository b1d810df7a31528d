"""Questions that are written without a question mark get one; others keep theirs.

Enters and leaves: `question`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with exactly one question mark at the end of its question."""
    question = record["question"].strip().rstrip("?").rstrip()
    return {**record, "question": f"{question}?" if question else ""}
