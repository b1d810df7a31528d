"""The texts of evaluation sets that training data must not hold.

Enters: the folders `mmlu` (`<split>/<subject>_<split>.csv`: question, four choices, letter; no header) and `bbh`
(`tasks/<name>.json`). Leaves: one `EvalText` per question. Effects: reads the files.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import pathlib
from collections.abc import Callable, Mapping

from flan_mixtures.evals import bbh
from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError

MMLU_SPLITS = ("dev", "val", "test")

_MMLU_COLUMNS = 6  # question, A, B, C, D, letter


@dataclasses.dataclass(frozen=True)
class EvalText:
    """One question of an evaluation set.

    Attributes:
      id: where it stands, such as `mmlu/test/anatomy:12`; questions of a file are counted from 0.
      texts: the forms in which it may turn up, such as without and with its choices.
    """

    id: str
    texts: tuple[str, ...]


def mmlu_texts(folder: pathlib.Path) -> list[EvalText]:
    """Returns the questions of all splits, each without and with its choices.

    Raises UserError where a file is malformed, or the folder has none.
    """
    files = [path for split in MMLU_SPLITS for path in sorted((folder / split).glob("*.csv"))]
    if not files:
        raise UserError(f"The folder {str(folder)!r} holds no MMLU files; expected test/anatomy_test.csv and the like.")
    return [text for path in files for text in _mmlu_file(path)]


def bbh_texts(folder: pathlib.Path) -> list[EvalText]:
    """Returns the questions of all 27 files. Raises UserError where one is missing or malformed."""
    return [
        EvalText(f"bbh/{name}:{index}", (question.input,))
        for name in bbh.NAMES
        for index, question in enumerate(bbh.read_questions(folder, name))
    ]


# The evaluation sets that can be looked for, and what reads the folder of each.
READERS: Mapping[str, Callable[[pathlib.Path], list[EvalText]]] = {"mmlu": mmlu_texts, "bbh": bbh_texts}


def _mmlu_file(path: pathlib.Path) -> list[EvalText]:
    split = path.parent.name
    name = f"mmlu/{split}/{path.stem.removesuffix(f'_{split}')}"
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    texts = []
    for index, cells in enumerate(reader):
        if len(cells) != _MMLU_COLUMNS:
            raise UserError(
                f"{path}:{reader.line_num}: found {len(cells)} columns, expected {_MMLU_COLUMNS} (question, four "
                "choices, letter). Mend the row, or fetch the file again."
            )
        texts.append(EvalText(f"{name}:{index}", (cells[0], " ".join(cells[:-1]))))
    return texts
