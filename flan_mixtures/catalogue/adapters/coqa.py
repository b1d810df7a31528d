"""CoQA: one turn of each conversation, with the turns before it.

Enters: `story`, `questions` (a list), `answers` with a list `input_text`. Leaves also: `question`, `answer`, `history`.
Which turn it is depends on the story alone, so a conversation gives the same row wherever it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flan_mixtures.draws import number

NO_HISTORY = "(none yet)"  # what stands for the earlier turns in the first one


def adapt(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record with one of its turns. Raises ValueError where questions and answers do not pair up."""
    questions, answers = record["questions"], _answers(record["answers"])
    if not questions or len(questions) != len(answers):
        raise ValueError(f"{len(questions)} questions and {len(answers)} answers")
    turn = number("coqa turn", record["story"]) % len(questions)
    earlier = [f"Q: {question}\nA: {answer}" for question, answer in zip(questions[:turn], answers[:turn], strict=True)]
    history = "\n".join(earlier) or NO_HISTORY
    return {**record, "question": questions[turn], "answer": answers[turn], "history": history}


def _answers(answers: Any) -> list[str]:
    return answers["input_text"] if isinstance(answers, Mapping) else [answer["input_text"] for answer in answers]
