"""STS-B: how alike two sentences are, from 0 to 5, as a whole number.

Enters: `label`, a number with decimals; -1 where it is hidden. Leaves also: `score`, the nearest whole number as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with its score; one half goes up. Raises TypeError for a label that is no number."""
    return {**record, "score": str(math.floor(record["label"] + 0.5))}
