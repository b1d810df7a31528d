"""Text without white space, to restore it. Enters: `text`. Leaves also: `damaged`. A single word is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record with its characters in a row, or None where there is no space to restore."""
    words = record["text"].split()
    return None if len(words) < 2 else {**record, "damaged": "".join(words)}
