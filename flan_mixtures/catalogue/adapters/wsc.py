"""The Winograd schema: the pronoun in question is marked with asterisks, as the same word may stand in several places.

Enters: `text`, `span2_text` (the pronoun), `span2_index` (which word it is, from 0). Leaves: `text` marked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WORD = re.compile(r"\S+")


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with its pronoun marked. Raises ValueError where the word at that place is another."""
    text, pronoun, place = record["text"], record["span2_text"].strip(), record["span2_index"]
    words = list(_WORD.finditer(text))
    start = words[place].start()
    if not text.startswith(pronoun, start):
        raise ValueError(f"word {place} of the text is {words[place].group()!r} and the pronoun {pronoun!r}")
    end = start + len(pronoun)
    return {**record, "text": f"{text[:start]}*{pronoun}*{text[end:]}"}
