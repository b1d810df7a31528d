"""WikiDialog: one record is a whole conversation; a row is its beginning, and the turn to be said next.

Enters: a record with `pid` (the passage's id), `utterances`, and `author_num` (who says each; 0 and 1).
Leaves: `dialog`, the turns before the cut, each on a line behind its speaker's name, and `answer`, the turn after it.
Where the cut falls depends on `pid` alone, evenly over all turns but the first. Conversations of one turn have no row.
Effects: none.
"""

from __future__ import annotations

from typing import Any

from flan_mixtures.catalogue.dialog_text import dialog_text
from flan_mixtures.draws import number
from flan_mixtures.sources.source import Record

LEAVES_OUT = True


def adapt(record: Record) -> dict[str, Any] | None:
    """Returns the turns before the cut and the turn after it; None where there is nothing to say next."""
    turns = [turn.strip() for turn in record["utterances"]]
    if len(turns) < 2 or not all(turns):
        return None
    cut = 1 + number("wiki_dialog", record["pid"], "cut") % (len(turns) - 1)
    return {"dialog": dialog_text(turns[:cut], record["author_num"][:cut]), "answer": turns[cut]}
