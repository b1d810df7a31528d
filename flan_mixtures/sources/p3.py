r"""P3 prompts with their completions: `kind = "p3"`, `files = { train = "p3_sample/xsum_DOC_tldr.jsonl" }`, also gz.

A line is a JSON object with `prompt` and `completion`; the completion ends with the marker `<|endoftext|>`, which is
taken off together with the white space around the answer. The prompt stays as it is. Other keys are kept.
Effects: those of `indexed_file`; `discover` lists a folder.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from flan_mixtures.sources.data_file import full_path
from flan_mixtures.sources.jsonl import open_json_lines, parse_object
from flan_mixtures.sources.source import Record
from flan_mixtures.sources.split_files import SplitFiles
from t5x.errors import UserError

END_MARKER = "<|endoftext|>"  # of GPT-2; the published dump of P3 ends every completion with it
_ENDINGS = (".jsonl", ".jsonl.gz")


class P3Source(SplitFiles):
    """Prompt and completion files, one per split."""

    kind = "p3"

    def _open_file(self, path: str) -> Sequence[Record]:
        return open_json_lines(path, parse_prompt_and_completion, self._on_malformed)


def parse_prompt_and_completion(line: bytes) -> Record:
    """Returns the row in a line, its completion without the marker. Raises ValueError where there is none."""
    record = parse_object(line)
    for key in ("prompt", "completion"):
        if not isinstance(record.get(key), str):
            raise ValueError(f"expected a text {key!r}, found {record.get(key)!r}")
    return {**record, "completion": record["completion"].strip().removesuffix(END_MARKER).strip()}


def discover(folder: str) -> dict[str, dict[str, Any]]:
    """Returns the mapping of a source for each file of a folder, by the file's name without its ending, sorted.

    Empty files are among them; their sources say that they are missing. Raises UserError where there is no file.
    """
    found = full_path(folder)
    files = sorted(found.iterdir()) if found.is_dir() else []
    tasks = {}
    for file in files:
        for ending in _ENDINGS:
            if file.name.endswith(ending):
                path = str(pathlib.PurePath(folder) / file.name)
                tasks[file.name.removesuffix(ending)] = {"kind": "p3", "files": {"train": path}}
    if not tasks:
        raise UserError(f"The folder {str(found)!r} holds no P3 files ({', '.join(_ENDINGS)}), or does not exist.")
    return tasks
