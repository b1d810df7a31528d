"""Sentiment140: 0 is negative, 4 is positive; 2, neutral, stands only in the test split.

Enters: `polarity` (in other copies `sentiment`). Leaves also: `mood`, the same number. Neutral records are left out,
since no training record says how to answer them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True

_NEUTRAL = 2


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record with its mood, or None for a neutral one."""
    mood = record["polarity"] if "polarity" in record else record["sentiment"]
    return None if mood == _NEUTRAL else {**record, "mood": mood}
