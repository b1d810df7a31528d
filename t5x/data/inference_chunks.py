"""The files of one shard of an inference: chunks, completion markers, what they were made with, and the merged result.

In `output_dir`, with T5X's names, for shard 3 of 8 of task `t`, mode `predict`:
    t-predict.jsonl-00003-of-00008             the result, in the order of the shard; appears whole, in one rename
    t-predict.jsonl-00003-of-00008.COMPLETED   empty; where it exists the shard is skipped
    settings-t-predict-00003-of-00008.json     what the result was made with: another model must not go on with it
    tmp-t-00003-of-00008/<result>-chunk00000   and `.COMPLETED` beside it, until they are merged
Source: the contract of T5X's `infer.py`; the settings are ours, since T5X merges chunks of two models without a word.
Effects: reads and writes these files. With several processes only process 0 calls the writing methods.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etils import epath

from t5x.errors import UserError

COMPLETED = ".COMPLETED"
# How the data are cut decides which rows a chunk holds, but not what the finished result says.
CUTTING = ("batch_size", "checkpoint_period")

# (path of the result, paths of the chunks in order) -> None
MergeFn = Callable[[str, Sequence[str]], None]


def merge_chunks_to_file(path: str, chunk_paths: Sequence[str]) -> None:
    """Writes the chunks one after another to `path`."""
    with epath.Path(path).open("wb") as merged:
        for chunk in chunk_paths:
            with epath.Path(chunk).open("rb") as part:
                shutil.copyfileobj(part, merged)


@dataclasses.dataclass(frozen=True)
class ShardFiles:
    """Where one shard of a task's results lies.

    Attributes:
      output_dir: folder of the results.
      task: name of the task.
      mode: 'predict', 'score' or 'predict_with_aux'.
      shard_id, num_shards: which part of the split.
      extension: of the result, without a dot.
    """

    output_dir: epath.Path
    task: str
    mode: str
    shard_id: int
    num_shards: int
    extension: str = "jsonl"

    @property
    def _shard(self) -> str:
        return f"{self.shard_id:05}-of-{self.num_shards:05}"

    @property
    def result(self) -> epath.Path:
        """The merged file."""
        return self.output_dir / f"{self.task}-{self.mode}.{self.extension}-{self._shard}"

    @property
    def settings_file(self) -> epath.Path:
        """What the chunks and the result were made with."""
        return self.output_dir / f"settings-{self.task}-{self.mode}-{self._shard}.json"

    @property
    def folder(self) -> epath.Path:
        """Where chunks lie; the modes of a task share it."""
        return self.output_dir / f"tmp-{self.task}-{self._shard}"

    def chunk(self, number: int) -> epath.Path:
        """The file of a chunk."""
        return self.folder / f"{self.result.name}-chunk{number:05}"

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return _marker(self.result).exists()

    def complete_chunks(self) -> int:
        """Returns how many chunks are done, counted up to the first that is not."""
        number = 0
        while _marker(self.chunk(number)).exists() and self.chunk(number).exists():
            number += 1
        return number

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raises UserError where there are results already that other settings made, or nobody knows which."""
        if not self.settings_file.exists():
            if self.result.exists() and not self.is_complete:
                raise UserError(
                    f"{self.result} exists, but not as a finished result of this command (its {COMPLETED} marker is "
                    "missing), and would be overwritten. Move it away, or choose another INFER_OUTPUT_DIR."
                )
            if self.complete_chunks() and not self.is_complete:
                raise UserError(
                    f"{self.folder} holds results of an unfinished inference, and nothing says which model made them. "
                    "Move the folder away to start again, or choose another INFER_OUTPUT_DIR."
                )
            return
        try:
            earlier = json.loads(self.settings_file.read_text())
        except ValueError as error:
            raise UserError(
                f"{self.settings_file}, which says what made the results beside it, cannot be read: {error}. Restore "
                "it, or choose another INFER_OUTPUT_DIR."
            ) from error
        if not (self.is_complete or self.result.exists() or self.complete_chunks()):
            return
        now = json.loads(json.dumps(settings))
        ignored = CUTTING if self.is_complete else ()
        differences = [
            f"{name} {earlier.get(name)!r}, now {now.get(name)!r}"
            for name in sorted({*earlier, *now} - {*ignored})
            if earlier.get(name) != now.get(name)
        ]
        if differences:
            raise UserError(
                f"{self.output_dir} holds {'' if self.is_complete else 'unfinished '}results of {self.task!r}, mode "
                f"{self.mode}, shard {self.shard_id} of {self.num_shards}, that were made with other settings: "
                f"{'; '.join(differences)}. Choose another INFER_OUTPUT_DIR, or move those results and "
                f"{self.settings_file.name} away."
            )

    def start(self, settings: Mapping[str, Any]) -> None:
        """Makes the folders, keeps the settings, and removes what no chunk that is done belongs to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        done = [self.chunk(number) for number in range(self.complete_chunks())]
        self._remove_all_but({path.name for chunk in done for path in (chunk, _marker(chunk))})
        unfinished = self.settings_file.with_name(self.settings_file.name + ".unfinished")
        unfinished.write_text(json.dumps(settings, indent=1) + "\n")
        unfinished.replace(self.settings_file)

    def complete_chunk(self, number: int) -> None:
        """Marks a written chunk as done."""
        _marker(self.chunk(number)).touch()

    def finish(self, count: int, merge_fn: MergeFn | None) -> None:
        """Merges `count` chunks into the result, or moves them beside it, marks it as done and clears up.

        Args:
          count: number of chunks.
          merge_fn: writes the merged file; None keeps the chunks as the result.
        """
        chunks = [self.chunk(number) for number in range(count)]
        if merge_fn is None:
            for chunk in chunks:
                chunk.copy(self.output_dir / chunk.name, overwrite=True)
        else:
            merged = self.folder / f"{self.result.name}-merged"
            merge_fn(str(merged), [str(chunk) for chunk in chunks])
            merged.replace(self.result)
        _marker(self.result).touch()
        self.clear()

    def clear(self) -> None:
        """Removes this mode's chunks, and the folder where it is empty then."""
        if self.folder.is_dir():
            self._remove_all_but(set())
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _remove_all_but(self, kept: set[str]) -> None:
        for path in list(self.folder.iterdir()):
            if path.name.startswith(self.result.name) and path.name not in kept:
                path.unlink()


def _marker(path: epath.Path) -> epath.Path:
    return path.with_name(path.name + COMPLETED)
