"""ReCoRD: the text's highlights as a list, and the entities to choose from.

Enters: `passage`, `entities`, `answers`. Leaves also: `passage` with line breaks, `choices`, `right`, `all`.
Records that name more entities than options have labels are left out. One without an answer, as in a hidden split, is
not: its label is then empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LEAVES_OUT = True

_HIGHLIGHT = re.compile(r"\s*@highlight\s*")
_MOST = 26  # options are labelled with letters


def adapt(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the record with each entity once and the first answer apart, or None for too many entities."""
    choices = list(dict.fromkeys(entity.strip() for entity in record["entities"] if entity.strip()))
    if len(choices) > _MOST:
        return None
    answers = [answer.strip() for answer in record["answers"]]
    passage = _HIGHLIGHT.sub("\n- ", record["passage"])
    return {**record, "passage": passage, "choices": choices, "right": answers[0] if answers else "", "all": answers}
