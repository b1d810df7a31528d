"""Text without capitals, to restore them. Enters: `text`. Leaves also: `damaged`. Text without any is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record with its text in lower case, or None where that changes nothing."""
    damaged = record["text"].lower()
    return None if damaged == record["text"] else {**record, "damaged": damaged}
