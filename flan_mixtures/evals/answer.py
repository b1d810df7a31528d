"""Finds the answer in a text that may reason before it answers.

The rule of the published BIG-Bench Hard protocol: the answer is what follows "the answer is", without the final full
stop. The last such phrase counts, a text without one is all answer, and letter case is kept. Pure.
"""

from __future__ import annotations

import re

_CUE = re.compile(r"\bthe answer is\b:?", re.IGNORECASE)


def extract_answer(text: str, **_: object) -> str:
    """Returns the answer in `text`, e.g. `(B)` from `Both are true. So the answer is (B).` or from `(B)`.

    Further keyword arguments, which SeqIO gives a postprocessor (`example`, `is_target`), are not used: targets and
    predictions are treated alike.
    """
    answer = _CUE.split(text)[-1].strip()
    return answer.split("\n")[0].strip().removesuffix(".").strip()
