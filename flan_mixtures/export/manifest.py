"""The manifest of an export: `manifest.json`, which says what the files hold and how far the export is.

It is written anew after every shard, so a killed export goes on after the last one that it names.
Enters and leaves: the file. Effects: reads and writes it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from flan_mixtures.export.tally import Tally
from t5x.errors import UserError

FILE = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One complete file.

    Attributes:
      file: its name.
      rows: how many rows it holds.
      bytes: its size.
      sha256: its checksum, in hexadecimal digits.
      first_position: the mixture's position at which reading for it began.
      next_position: the position after its last row's; the next shard begins there.
    """

    file: str
    rows: int
    bytes: int
    sha256: str
    first_position: int
    next_position: int


@dataclasses.dataclass
class Manifest:
    """What an export is and what it has written.

    Attributes:
      identity: everything that its bytes depend on, as plain values; see `export.identity`.
      shards: the complete ones, in order.
      tally: what happened to the rows of those shards.
    """

    identity: Mapping[str, Any]
    shards: list[Shard] = dataclasses.field(default_factory=list)
    tally: Tally = dataclasses.field(default_factory=Tally)

    @property
    def rows_written(self) -> int:
        """How many rows the complete shards hold."""
        return sum(shard.rows for shard in self.shards)

    @property
    def complete(self) -> bool:
        """Whether all rows are there."""
        return self.rows_written == self.identity["rows"]

    @property
    def next_position(self) -> int:
        """Where reading goes on."""
        return self.shards[-1].next_position if self.shards else self.identity["start"]

    def as_dict(self) -> dict[str, Any]:
        """Returns the file's content."""
        return {
            **self.identity,
            "complete": self.complete,
            "rows_written": self.rows_written,
            "next_position": self.next_position,
            **self.tally.as_dict(),
            "shards": [dataclasses.asdict(shard) for shard in self.shards],
        }

    def write(self, folder: pathlib.Path) -> None:
        """Writes the file whole or not at all."""
        partial = folder / f"{FILE}.partial"
        with partial.open("w", encoding="utf-8") as file:
            json.dump(self.as_dict(), file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / FILE)


def continued(folder: pathlib.Path, identity: Mapping[str, Any]) -> Manifest:
    """Returns the manifest to go on with: the folder's own, or an empty one where the folder is new or empty.

    Raises:
      UserError: the folder holds something else, another export, or shards that are not those of its manifest.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"The export folder {str(folder)!r} is a file. Name a folder that is new or empty.")
    if not folder.is_dir() or not any(entry.name != f"{FILE}.partial" for entry in folder.iterdir()):
        return Manifest(identity)
    if not (folder / FILE).is_file():
        raise UserError(
            f"The export folder {str(folder)!r} holds files, and no {FILE} that says they are of an export. Name a "
            "folder that is new or empty."
        )
    content = _read(folder / FILE)
    given = json.loads(json.dumps(identity))
    differing = [key for key in given if content.get(key) != given[key]]
    if differing:
        raise UserError(
            f"The export folder {str(folder)!r} holds another export: {_differences(differing, content, given)}. Name "
            "another folder, or delete this one."
        )
    try:
        shards = [Shard(**entry) for entry in content["shards"]]
        tally = Tally(**{field.name: content[field.name] for field in dataclasses.fields(Tally)})
    except (KeyError, TypeError) as error:
        raise UserError(f"The manifest {str(folder / FILE)!r} is damaged ({error}). Delete the folder.") from error
    for shard in shards:
        file = folder / shard.file
        size = file.stat().st_size if file.is_file() else None
        if size != shard.bytes:
            found = "is not there" if size is None else f"has {size:,} bytes"
            raise UserError(
                f"The shard {str(file)!r} {found}, and {FILE} says that it was written with {shard.bytes:,}. Bring it "
                "back, or delete the folder and export again."
            )
    return Manifest(identity, shards, tally)


def _read(path: pathlib.Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The manifest {str(path)!r} cannot be read ({error}). Delete the folder.") from error
    if not isinstance(content, dict):
        raise UserError(f"The manifest {str(path)!r} is no JSON object. Delete the folder, or name another.")
    return content


_LONGEST = 60  # characters of a value in a message


def _differences(keys: list[str], there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} is {_short(there.get(key))} there and {_short(here[key])} here" for key in keys)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
