"""Structured data as one line of text, and every wording of it that counts as right.

Enters: one of `tripleset` (DART), `input` (WebNLG: triples), `meaning_representation` (E2E); `target`, `references`.
Leaves also: `data`, `wordings`. Training records have one wording and no references.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIELDS = ("tripleset", "input", "meaning_representation")


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with its data as text. Raises ValueError where it has none of the three fields."""
    field = next((field for field in _FIELDS if field in record), None)
    if field is None:
        raise ValueError(f"none of the fields {', '.join(_FIELDS)}")
    data = record[field]
    text = data if isinstance(data, str) else "; ".join(_triple(triple) for triple in data)
    wordings = [wording for wording in (record["target"], *record["references"]) if wording.strip()]
    return {**record, "data": text, "wordings": list(dict.fromkeys(wordings))}


def _triple(triple: Any) -> str:
    return triple if isinstance(triple, str) else " | ".join(triple)
