"""QuAC as TFDS has it: one question a record, without the turns before it.

Enters: `title`, `section_title`, `context`, `answers` with a list `text`. Leaves also: `story`, `history`, `found`.
The data set marks a question that its text does not answer with a word of its own, which also ends every context.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNANSWERABLE = "unanswerable"
NOT_RECORDED = "(not recorded)"  # TFDS keeps neither the dialogue's name nor the turn's number
_MARK = "CANNOTANSWER"


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with the text under its titles, and the answers in plain words."""
    context = record["context"].strip().removesuffix(_MARK).strip()
    titles = [title for title in (record["title"].strip(), record["section_title"].strip()) if title]
    found = [UNANSWERABLE if text.strip() == _MARK else text for text in record["answers"]["text"]]
    return {**record, "story": "\n".join((" - ".join(titles), context)), "history": NOT_RECORDED, "found": found}
