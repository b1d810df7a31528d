"""Rows of the Flan Collection's chain-of-thought files: question, answer, rationale, one file per data set.

Enters: a `<dataset>_train.tsv` with three columns and no header. Leaves: `CotRow`s in file order.
A question carries its answer options, where it has any, in its own text. Effects: reads the file, once.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import pathlib

from flan_mixtures.sources.tsv import read_tsv

# The seven sets whose files are published as text; eSNLI and QED are not among them.
DATASETS = ("aqua", "creak", "ecqa", "gsm8k", "qasc", "sensemaking", "strategyqa")

_COLUMNS = ("question", "answer", "rationale")
_HELD_OUT_PER_MILLE = 20  # 2 % of the rows are for validation; the files come without a split


@dataclasses.dataclass(frozen=True)
class CotRow:
    """One question with its answer and the reasoning that leads to it."""

    dataset: str
    question: str
    answer: str
    rationale: str

    @functools.cached_property
    def row_id(self) -> str:
        """The data set and a hash of the content: the same wherever the row stands in the file."""
        content = "\t".join((self.question, self.answer, self.rationale))
        return f"{self.dataset}:{hashlib.sha256(content.encode()).hexdigest()[:16]}"

    @functools.cached_property
    def held_out(self) -> bool:
        """Whether the row belongs to the validation split. Equal rows fall on the same side."""
        return draw(self.row_id, "split", 1000) < _HELD_OUT_PER_MILLE


def file_name(dataset: str) -> str:
    """Returns the name of the data set's file."""
    return f"{dataset}_train.tsv"


def read_cot(folder: pathlib.Path, dataset: str) -> tuple[CotRow, ...]:
    """Returns the rows of one data set in `folder`. Raises UserError naming file and line for a malformed row.

    A file is read once, and again when it has changed: a mixture asks for the same rows several times.
    """
    path = folder / file_name(dataset)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return _read(path, dataset, changed)


@functools.lru_cache(maxsize=len(DATASETS))
def _read(path: pathlib.Path, dataset: str, changed: int) -> tuple[CotRow, ...]:
    del changed  # only a part of the key
    return tuple(CotRow(dataset=dataset, **row) for row in read_tsv(path, _COLUMNS))


def draw(row_id: str, purpose: str, count: int) -> int:
    """Returns a number below `count` that depends on the row and the purpose alone, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{purpose}|{row_id}".encode()).digest()[:8], "big") % count
