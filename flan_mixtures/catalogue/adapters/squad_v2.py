"""SQuAD 2: a question that its text does not answer has a word for an answer.

Enters: `answers` with a list `text`, empty where there is no answer. Leaves also: `found`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNANSWERABLE = "unanswerable"


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with at least one answer."""
    return {**record, "found": list(record["answers"]["text"]) or [UNANSWERABLE]}
