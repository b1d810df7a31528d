"""QReCC: one record is one question of a conversation, with the turns before it.

Enters: a record with `context` (earlier questions and answers in turn), `question`, `answer` and `turn_id`.
Leaves: `dialog`, those turns and the question, each on a line behind its speaker's name, and `answer`.
As in the Flan Collection only turns after the sixth have a row: shorter conversations are parts of longer ones.
Questions that the data set leaves without an answer have none either. Effects: none.
"""

from __future__ import annotations

from typing import Any

from flan_mixtures.catalogue.dialog_text import dialog_text
from flan_mixtures.sources.source import Record

LEAVES_OUT = True

_LAST_TURN_LEFT_OUT = 6  # the Flan Collection keeps turn_id > 6: 10.2 k rows


def adapt(record: Record) -> dict[str, Any] | None:
    """Returns the dialog up to the question, and its answer; None for early turns and questions without an answer."""
    answer = record["answer"].strip()
    if int(record["turn_id"]) <= _LAST_TURN_LEFT_OUT or not answer:
        return None
    turns = [turn.strip() for turn in (*record["context"], record["question"])]
    return {"dialog": dialog_text(turns, [index % 2 for index in range(len(turns))]), "answer": answer}
