"""LAMBADA: a passage, and the word that it ends with.

Enters: `passage` (in other copies `text`). Leaves: `passage` without its last word, `last_word`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns passage and word. Raises ValueError for a passage of fewer than two words."""
    passage = record["passage"] if "passage" in record else record["text"]
    start, _, word = passage.strip().rpartition(" ")
    if not start.strip():
        raise ValueError(f"a passage of one word or none: {passage!r}")
    return {"passage": start, "last_word": word}
