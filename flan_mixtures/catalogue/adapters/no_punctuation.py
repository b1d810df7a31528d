"""Text without punctuation, to restore it.

Enters: `text`. Leaves also: `damaged`. Text without any punctuation, or of nothing else, is left out.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True

_REMOVE = str.maketrans("", "", string.punctuation)


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record with its words alone, one space apart, or None where there is nothing to restore."""
    bare = record["text"].translate(_REMOVE)
    damaged = " ".join(bare.split())
    return None if bare == record["text"] or not damaged else {**record, "damaged": damaged}
