"""The file that says which rows and tasks are not trained on, because they hold what models are evaluated on.

`flan-mixtures decontaminate` writes it; by hand, `{"tasks": ["rte"], "rows": {"cb": ["cb/train/3"]}}` is enough.
Row ids stand for places in a data set, so a file serves as long as a task is read from the same source.
Enters and leaves: the file. Effects: reads and writes it, and keeps what was read until the file changes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from flan_mixtures.decontaminate.eval_texts import EvalText
from flan_mixtures.decontaminate.report import Report
from flan_mixtures.sources.data_file import full_path
from flan_mixtures.sources.json_file import read_json
from t5x.errors import UserError, nearest

_TASKS, _ROWS = "tasks", "rows"
# The other keys say how the file was made, and nothing depends on them.
_KEYS = (_TASKS, _ROWS, "mixture", "split", "n", "evaluation_sets", "checked", "found")


@dataclasses.dataclass(frozen=True)
class Exclusions:
    """What is not trained on.

    Attributes:
      file: where that is said, as the user named it; empty where nothing is.
      tasks: tasks that are left out as a whole.
      rows: ids of rows, by task.
      sha256: the file's checksum, in hexadecimal digits.
    """

    file: str = ""
    tasks: frozenset[str] = frozenset()
    rows: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    sha256: str = ""

    def reason(self, task: str) -> str:
        """Returns why a task is left out as a whole; empty where it is not."""
        return f"excluded by {self.file}" if task in self.tasks else ""


def exclusions(file: str) -> Exclusions:
    """Returns what a file says; nothing is excluded where `file` is empty.

    Args:
      file: a path, absolute or relative to the data folder.

    Raises:
      UserError: the file is missing or malformed.
    """
    if not file:
        return Exclusions()
    path = full_path(file)
    try:
        return _read(file, path, path.stat().st_mtime_ns if path.exists() else 0)
    except UserError as error:
        raise UserError(
            f"What SourceConfig.excluded (--excluded) names cannot be read: {error} `flan-mixtures decontaminate` "
            "writes such files."
        ) from None


def as_dict(
    mixture: str,
    split: str,
    n: int,
    evaluation_sets: Mapping[str, Sequence[EvalText]],
    sizes: Mapping[str, int],
    tasks: Sequence[str],
    report: Report,
) -> dict[str, Any]:
    """Returns the content of a file.

    Args:
      mixture, split: whose rows were checked.
      n: words in a run that gives a row away.
      evaluation_sets: what was looked for, by name.
      sizes: how many rows each checked task has.
      tasks: those that are left out as a whole.
      report: what was found.
    """
    removed = {task.task: task.removed for task in report.tasks if task.removed}
    return {
        "mixture": mixture,
        "split": split,
        "n": n,
        "evaluation_sets": {
            name: {"texts": len(texts), "sha256": checksum(texts)} for name, texts in evaluation_sets.items()
        },
        "checked": {task.task: {"rows": sizes[task.task], "checked": task.checked} for task in report.tasks},
        _TASKS: list(tasks),
        _ROWS: {task: [removal.row_id for removal in removals] for task, removals in removed.items()},
        "found": {
            removal.row_id: removal.match.eval_id
            for removals in removed.values()
            for removal in removals
            if removal.match
        },
    }


def write(path: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes a file whole or not at all. Raises UserError where it cannot be written."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UserError(f"The file {str(path)!r} cannot be written: {error.strerror}.") from error


def checksum(texts: Sequence[EvalText]) -> str:
    """Returns the SHA-256 of evaluation texts and their ids, in their order, in hexadecimal digits."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(json.dumps([text.id, *text.texts]).encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)  # every task of a mixture asks for the same file
def _read(file: str, path: pathlib.Path, changed: int) -> Exclusions:
    content = read_json(path)
    if not isinstance(content, dict) or not {_TASKS, _ROWS} & content.keys():
        raise UserError(f'{path}: expected an object with "{_TASKS}" (names), "{_ROWS}" (task: row ids), or both.')
    for key in content:
        if key not in _KEYS:
            raise UserError(f"{path}: the key {key!r} means nothing here.{nearest(key, _KEYS)}")
    rows = content.get(_ROWS, {})
    if not isinstance(rows, dict):
        raise UserError(f'{path}: "{_ROWS}" is {type(rows).__name__}, expected an object: task name to row ids.')
    for task, ids in rows.items():
        for row_id in _names(ids, f'"{_ROWS}" of {task!r}', path):
            if not row_id.startswith(f"{task}/"):
                raise UserError(f"{path}: {row_id!r} is no row id of {task!r}; those begin with {task + '/'!r}.")
    return Exclusions(
        file,
        frozenset(_names(content.get(_TASKS, []), f'"{_TASKS}"', path)),
        {task: frozenset(ids) for task, ids in rows.items()},
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _names(value: object, what: str, path: pathlib.Path) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UserError(f"{path}: {what} is {str(value)[:60]!r}, expected a list of texts.")
    return value
