"""Super-NaturalInstructions tasks: `kind = "natural_instructions"`, `path = "superni/task875_emotion_classification"`.

The path is one task file `task875_emotion_classification.json`, its rows being the split train, or a folder with a file
per split (`train.json`, `dev.json`). A record:
    task         the file's or the folder's name
    id           the instance's own, or `<task>-<number>` where it has none
    definition   what the task is, one text
    input        text
    output       a list of texts, all of them right; some files hold the list as text, `"['a', 'b']"`
Other keys of an instance are kept. In memory stay the definition, the examples, and the place of each instance.
Effects: reads the files; `discover` lists a folder.
"""

from __future__ import annotations

import ast
import functools
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from flan_mixtures.sources.data_file import existing_file, full_path, read_span, why_missing
from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import file_of
from flan_mixtures.sources.split_names import split_of_name
from flan_mixtures.sources.text_file import read_text
from t5x.errors import UserError

_SPACE = " \t\n\r"  # what JSON calls white space
_decoder = json.JSONDecoder()


class NaturalInstructionsSource:
    """One task."""

    kind = "natural_instructions"

    def __init__(self, path: str, on_malformed: str = "stop"):
        self._path = path
        self._on_malformed = on_malformed

    @property
    def splits(self) -> tuple[str, ...]:
        return () if why_missing([self._path]) else tuple(self._files())

    def describe(self) -> str:
        return f"natural_instructions {self._path}"

    def missing(self) -> str | None:
        return why_missing([self._path]) or (None if self._files() else f"no train.json in {self._path}")

    def open(self, split: str) -> Instances:
        path = file_of(self._files(), split, self.describe())
        return Instances(existing_file(path), task_name(self._path), self._on_malformed)

    def positive_examples(self) -> tuple[Record, ...]:
        """Returns the task's examples of right answers, each with `input`, `output` (a text) and `explanation`."""
        return self.open(next(iter(self._files()))).positive_examples

    def _files(self) -> dict[str, str]:
        return _task_files(full_path(self._path))


class Instances(Sequence[Record]):
    """The rows of one task file, by number.

    Attributes:
      definition: what the task is.
      positive_examples: the file's examples of right answers.
      skipped: how many malformed instances were left out.
    """

    def __init__(self, path: pathlib.Path, task: str, on_malformed: str = "stop"):
        text = read_text(path)
        # One character per byte, so that places in the text are places in the file. JSON's own signs are ASCII, and no
        # byte of a longer UTF-8 character is.
        parts, spans = _walk(path, text.encode("utf-8").decode("latin-1"))
        del text
        self._path, self._task = path, task
        self.definition = " ".join(_texts(_part(path, parts, "Definition"))).strip()
        self.positive_examples = tuple(
            {**example, "output": outputs(example["output"])[0]} for example in _part(path, parts, "Positive Examples")
        )
        kept = []
        self.skipped = 0
        for number, (start, end, instance) in enumerate(spans):
            problem = _problem(instance)
            if not problem:
                kept.append((start, end, number))
            elif on_malformed == "stop":
                raise UserError(
                    f"{path}: instance {number} is malformed: {problem}. Mend or delete it, or set "
                    "SourceConfig.on_malformed = 'skip' to leave such rows out."
                )
            else:
                self.skipped += 1
        if self.skipped:
            _log_skipped(path, self.skipped)
        if not kept:
            raise UserError(f"{path}: has no instance that can be used ({self.skipped} malformed).")
        self._spans = np.array(kept, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> Record:
        start, end, number = self._spans[index].tolist()
        instance = json.loads(read_span(self._path, start, end))
        return {
            **instance,
            "task": self._task,
            "id": str(instance.get("id", f"{self._task}-{number}")),
            "definition": self.definition,
            "output": outputs(instance["output"]),
        }


def task_name(path: str) -> str:
    """Returns the name of the task in a file or folder."""
    return pathlib.PurePath(path).name.removesuffix(".json")


def discover(folder: str) -> dict[str, dict[str, Any]]:
    """Returns the mapping of a source for each task of a folder, by the task's name, sorted.

    A task is a file `task*.json` or a folder `task*` with a `train.json`. Raises UserError where there is none.
    """
    found = full_path(folder)
    entries = sorted(found.glob("task*")) if found.is_dir() else []
    tasks = {
        task_name(entry.name): {"kind": "natural_instructions", "path": str(pathlib.PurePath(folder) / entry.name)}
        for entry in entries
        if _task_files(entry)
    }
    if not tasks:
        raise UserError(
            f"The folder {str(found)!r} holds no Super-NaturalInstructions tasks (task*.json, or task*/train.json), or "
            "does not exist."
        )
    return tasks


def outputs(value: Any) -> list[str]:
    """Returns the right answers that an instance's `output` holds: a text, a list, or a list written as text."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        try:
            listed = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            listed = None
        # Numbers stay text: in tasks about lists, "[1, 2]" is the answer.
        if isinstance(listed, list) and listed and all(isinstance(entry, str) for entry in listed):
            return listed
    return _texts(value)


def _task_files(path: pathlib.Path) -> dict[str, str]:
    if path.is_file():
        return {"train": str(path)} if path.suffix == ".json" else {}
    files = {split_of_name(file.name): str(file) for file in sorted(path.glob("*.json"))}
    return {split: files[split] for split in ("train", "validation", "test") if split in files}


def _problem(instance: Any) -> str:
    if not isinstance(instance, Mapping):
        return f"expected a JSON object, found {str(instance)[:60]!r}"
    for key in ("input", "output"):
        if key not in instance:
            return f"it has no {key!r}"
    if not outputs(instance["output"]):
        return "its 'output' is an empty list"
    return ""


def _texts(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else [str(value)]


def _part(path: pathlib.Path, parts: Mapping[str, tuple[int, int]], key: str) -> Any:
    if key not in parts:
        raise UserError(f"{path}: has no {key!r}: is it a Super-NaturalInstructions task?")
    return json.loads(read_span(path, *parts[key]))


def _walk(path: pathlib.Path, text: str) -> tuple[dict[str, tuple[int, int]], list[tuple[int, int, Any]]]:
    """Returns the span of each value of the object in `text`, and span and value of each entry of its Instances."""
    try:
        parts: dict[str, tuple[int, int]] = {}
        instances = None
        place = _after(text, 0, "{")
        while _skip(text, place, "}") is None:
            key, place = _decoder.raw_decode(text, _past_space(text, place))
            place = _past_space(text, _after(text, place, ":"))
            start = place
            if key == "Instances":
                instances = list(_entries(text, place))
                place = instances[-1][1] if instances else _after(text, place, "[")
                place = _after(text, place, "]")
            else:
                _, place = _decoder.raw_decode(text, place)
            parts[key] = (start, place)
            place = _skip(text, place, ",") or place
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}:{error.lineno}: not valid JSON ({error.msg}, column {error.colno}). "
            "Mend the file, or fetch it again if a download was cut short."
        ) from None
    if instances is None:
        raise UserError(f"{path}: has no 'Instances': is it a Super-NaturalInstructions task?")
    return parts, instances


def _entries(text: str, place: int) -> Iterator[tuple[int, int, Any]]:
    place = _after(text, place, "[")
    if _skip(text, place, "]") is not None:
        return
    while True:
        start = _past_space(text, place)
        value, end = _decoder.raw_decode(text, start)
        yield start, end, value
        place = _skip(text, end, ",")
        if place is None:
            return


def _past_space(text: str, place: int) -> int:
    while text[place : place + 1] and text[place] in _SPACE:
        place += 1
    return place


def _skip(text: str, place: int, sign: str) -> int | None:
    place = _past_space(text, place)
    return place + 1 if text.startswith(sign, place) else None


def _after(text: str, place: int, sign: str) -> int:
    found = _skip(text, place, sign)
    if found is None:
        raise json.JSONDecodeError(f"expected {sign!r}", text, _past_space(text, place))
    return found


@functools.cache
def _log_skipped(path: pathlib.Path, count: int) -> None:
    logging.warning("%s: %d malformed instances are left out.", path, count)
