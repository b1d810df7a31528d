"""GSM8K as its authors publish it: one text holds the worked solution, the calculator's marks and the final answer.

Enters: a record with `question` and `answer`, the latter like `4+4 = <<4+4=8>>8 legs.\n#### 8`.
Leaves: `question`, `rationale` without marks, and `answer` alone, without commas between thousands (`1080`), as the
Flan Collection writes it. Effects: none.
"""

from __future__ import annotations

import re
from typing import Any

from flan_mixtures.sources.source import Record
from t5x.errors import UserError

_ANSWER_MARK = "####"
_CALCULATION = re.compile(r"<<[^<>]*>>")


def adapt(record: Record) -> dict[str, Any] | None:
    """Returns the question, the rationale and the answer. Raises UserError where the solution has no final answer."""
    rationale, mark, answer = str(record["answer"]).rpartition(_ANSWER_MARK)
    if not mark or not answer.strip():
        raise UserError(
            f"A GSM8K solution has no final answer: expected {_ANSWER_MARK!r} and a number at its end, found "
            f"{str(record['answer'])[-60:]!r}. Mend the record, or fetch the file again."
        )
    return {
        "question": record["question"],
        "rationale": _CALCULATION.sub("", rationale).strip(),
        "answer": answer.strip().replace(",", ""),
    }
