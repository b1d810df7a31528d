r"""The Mathematics data set: some copies of it wrote the bytes' Python form, `b'Solve ...\n'`, for the text.

Enters and leaves: `question`, `answer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with plain text in both fields."""
    return {**record, "question": _plain(record["question"]), "answer": _plain(record["answer"])}


def _plain(text: str) -> str:
    if text[:2] in ("b'", 'b"') and text[-1:] == text[1]:
        text = text[2:-1].replace("\\n", "\n")
    return text.strip()
