"""DROP: all answers of a question in one list, the reference answer first.

Enters: `answer`, `validated_answers` (a list); in other copies `answers_spans` with a list `spans`.
Leaves also: `found`.
The parts of an answer that has several stand apart in the other copies, so there each counts as an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with the list of its answers, each once and none empty."""
    if "answers_spans" in record:
        answers = record["answers_spans"]["spans"]
    else:
        answers = [record["answer"], *record["validated_answers"]]
    return {**record, "found": list(dict.fromkeys(answer for answer in answers if answer.strip()))}
