"""Opinion abstracts: the opinions that one sentence sums up, one a line.

Enters: `_critics` (of a film) or `_argument_sentences` (of a debate), structures with `value`. Leaves also: `opinions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with its opinions as one text."""
    found = record["_critics"] if "_critics" in record else record["_argument_sentences"]
    texts = found["value"] if isinstance(found, Mapping) else [opinion["value"] for opinion in found]
    return {**record, "opinions": "\n".join(" ".join(text.split()) for text in texts if text.strip())}
