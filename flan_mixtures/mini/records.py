"""The families as data sets of generated records, in the form that every kind of source gives.

Training records are rows 0, 1, 2, ...; those of other splits are the rows that ask what none before them asked.
In a declaration: `kind = "generated"`, `function = "flan_mixtures.mini.records:record"` and, for example,
`arguments = { family = "arithmetic" }`.
Effects: rows that were made stay in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flan_mixtures.mini.question import Question
from flan_mixtures.mini.rows import Row, distinct_row, row
from flan_mixtures.sources.generated import GeneratedSource


def record(split: str, index: int, family: str, seed: int = 0) -> dict[str, Any]:
    """Returns a question with its answer and the way to it, as texts and lists of texts.

    Raises UserError for an unknown family or split, or where an evaluation split holds fewer different questions.
    """
    made = row(family, split, index, seed) if split == "train" else distinct_row(family, split, index, seed)
    question = made.question
    return {
        "id": made.row_id,
        "family": family,
        "split": split,
        "index": made.index,
        "fields": dict(question.fields),
        "answer": question.answer,
        "steps": list(question.steps),
        "rationale": " ".join(question.steps),
        "content": question.content,
        "options": list(question.options),
    }


def rows(family: str, split: str, count: int, seed: int = 0) -> Iterator[Row]:
    """Yields the first `count` rows of a split, read through the source. Raises UserError as `record` does."""
    source = GeneratedSource(f"{__name__}:record", {split: count}, {"family": family, "seed": seed})
    return map(_to_row, source.open(split))


def _to_row(found: dict[str, Any]) -> Row:
    texts = {name: found[name] for name in ("fields", "answer", "content")}
    question = Question(**texts, steps=tuple(found["steps"]), options=tuple(found["options"]))
    return Row(found["family"], found["split"], found["index"], question)
