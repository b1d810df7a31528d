"""CommonGen: the concepts as one line. Enters: `concepts` (a list). Leaves also: `words`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with its concepts parted by commas."""
    return {**record, "words": ", ".join(record["concepts"])}
