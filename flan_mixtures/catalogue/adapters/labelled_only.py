"""Data sets whose annotators did not agree on some records, which therefore have no label.

Enters and leaves: `label`, -1 where there is none; such records are left out. Not for splits whose labels are hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record, or None where nobody's label won."""
    return None if record["label"] == -1 else dict(record)
