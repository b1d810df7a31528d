"""A mixture's examples as files: `<mixture>-00000-of-00020.jsonl` and so on, and a manifest beside them.

Enters: what to read and from where, a folder, a format. Leaves: exactly as many rows as were asked for; their bytes
depend on the order alone, not on the number of workers nor on where an export was killed and went on.
Effects: reads sources, writes files, starts processes if asked to, shows progress.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import itertools
import os
import pathlib
import platform
from collections.abc import Callable, Iterator
from typing import Any

from flan_mixtures.decontaminate.exclusions import exclusions
from flan_mixtures.export.formats import FORMATS
from flan_mixtures.export.manifest import Manifest, Shard, continued
from flan_mixtures.export.progress import ExportProgress
from flan_mixtures.export.shard_file import write_shard
from flan_mixtures.mixtures.mixture import TRAIN, Mixture
from flan_mixtures.mixtures.plain_row import plain_row, until_none_come
from flan_mixtures.mixtures.read import Order, Read, read, read_with_workers
from flan_mixtures.rendering.fit import Encode, Fitted
from flan_mixtures.rendering.tokenizer import Tokenizer
from t5x.errors import UserError, nearest

ROWS_PER_SHARD = 10_000  # about 15 MB of JSON: small enough to lose little when killed
MOST_SHARDS = 100_000  # file names have five digits
_LIBRARIES = {"parquet": "pyarrow", "array_record": "array-record"}  # which writes the format


def export(
    order: Order,
    folder: str | os.PathLike[str],
    *,
    rows: int,
    format: str,
    make_encode: Callable[[], Encode],
    start: int = 0,
    rows_per_shard: int = ROWS_PER_SHARD,
    workers: int = 1,
    with_tokens: bool = False,
) -> Manifest:
    """Writes `rows` examples of a mixture, or goes on where the same export was stopped; returns the manifest.

    Args:
      order: what is read.
      folder: where the files go; is made. Must be new, empty, or hold the same export.
      rows: how many examples; rows that are left out are counted beside them.
      format: one of `formats.FORMATS`.
      make_encode: the tokenizer: a `Tokenizer`, or any function of a module that returns one.
      start: the first position that is read.
      rows_per_shard: rows of every file but the last.
      workers: processes that render; 1 renders in this one.
      with_tokens: adds token ids to every row.

    Raises:
      UserError: an argument that cannot be, a folder of something else, a file that cannot be written, a mixture that
        has too few rows or gives none; and what laying the mixture out raises.
    """
    _check(order, rows, format, start, rows_per_shard, workers)
    folder = pathlib.Path(folder).expanduser()
    mixture = order.mixture()
    if order.split != TRAIN and start + rows > mixture.row_count:
        raise UserError(
            f"The split {order.split!r} of {order.name!r} has {mixture.row_count:,} rows: {rows:,} from {start:,} on "
            "were asked for. Ask for fewer; only the training split has no end."
        )
    known = identity(order, mixture, make_encode)
    known |= {"start": start, "rows": rows, "format": format, "rows_per_shard": rows_per_shard}
    known |= {"with_tokens": with_tokens, "versions": _versions(format)}
    manifest = continued(folder, known)
    if manifest.complete:
        return manifest
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest.write(folder)
    except OSError as error:
        raise UserError(f"The export folder {str(folder)!r} cannot be written to: {error.strerror}.") from error
    first = manifest.next_position
    if workers == 1:
        reads = read(mixture, order.lengths, make_encode(), first)
    else:
        reads = read_with_workers(order, make_encode, workers, first)
    with contextlib.closing(reads), ExportProgress(order.name, rows, manifest.rows_written) as progress:
        shards = _Shards(folder, mixture, manifest, until_none_come(reads, order.name), progress)
        while not manifest.complete:
            shards.write_next()
    return manifest


class _Shards:
    """Writes shard after shard of an export."""

    def __init__(
        self,
        folder: pathlib.Path,
        mixture: Mixture,
        manifest: Manifest,
        reads: Iterator[Read],
        progress: ExportProgress,
    ):
        self._folder, self._manifest, self._reads, self._progress = folder, manifest, reads, progress
        self._declarations = {part.declaration.task: part.declaration for part in mixture.parts}
        self._position = manifest.next_position

    def write_next(self) -> None:
        """Writes the next shard, and the manifest."""
        known, done = self._manifest.identity, len(self._manifest.shards)
        count = -(-known["rows"] // known["rows_per_shard"])
        wanted = min(known["rows_per_shard"], known["rows"] - self._manifest.rows_written)
        path = self._folder / f"{known['mixture']}-{done:05d}-of-{count:05d}.{known['format']}"
        first = self._position
        digest = write_shard(path, known["format"], itertools.islice(self._rows(), wanted))
        size = path.stat().st_size
        self._manifest.shards.append(Shard(path.name, wanted, size, digest, first, self._position))
        try:
            self._manifest.write(self._folder)
        except OSError as error:
            raise UserError(
                f"The manifest in {str(self._folder)!r} cannot be written: {error.strerror}. Make room and start the "
                "same export again; it goes on where it is."
            ) from error

    def _rows(self) -> Iterator[dict[str, Any]]:
        for position, result in self._reads:
            self._manifest.tally.add(result)
            self._position = position + 1
            if isinstance(result, Fitted):
                declaration = self._declarations[result.example.task]
                self._progress.row()
                yield plain_row(position, result, declaration, self._manifest.identity["with_tokens"])
        raise UserError(
            f"The mixture {self._manifest.identity['mixture']!r} ended before all rows were found: others were left "
            f"out ({self._manifest.tally.as_dict()['left_out']}). Ask for fewer, or raise the lengths."
        )


def identity(order: Order, mixture: Mixture, make_encode: Callable[[], Encode]) -> dict[str, Any]:
    """Returns what the examples of a mixture depend on, as plain values for a manifest."""
    named = isinstance(make_encode, Tokenizer)
    missing = {part.declaration.task: part.missing for part in mixture.missing}
    return {
        "mixture": order.name,
        "split": order.split,
        "seed": order.seed,
        "lengths": dataclasses.asdict(order.lengths),
        "tokenizer": {
            "name": make_encode.name if named else getattr(make_encode, "__qualname__", repr(make_encode)),
            "sha256": make_encode.sha256 if named else "",
        },
        "paths": dict(order.sources.paths),
        "excluded": exclusions(order.sources.excluded).sha256,
        "parts": [
            {"name": part.name, "rows": int(count), "weight_asked": part.asked, "weight_got": part.share}
            for part, count in zip(mixture.parts, mixture.schedule.rows, strict=True)
        ],
        "missing_weight": sum(part.asked for part in mixture.missing),
        "missing": missing,
    }


def _versions(format: str) -> dict[str, str]:
    """Returns the versions of what makes the bytes."""
    libraries = ["sentencepiece", *([_LIBRARIES[format]] if format in _LIBRARIES else [])]
    found = {name: importlib.metadata.version(name) for name in libraries}
    return {"flan_mixtures": importlib.metadata.version("t5x-flan"), "python": platform.python_version(), **found}


def _check(order: Order, rows: int, format: str, start: int, rows_per_shard: int, workers: int) -> None:
    if format not in FORMATS:
        raise UserError(
            f"There is no export format {format!r}.{nearest(format, FORMATS)} The formats are {', '.join(FORMATS)}."
        )
    for name, value, least in (
        ("rows", rows, 1),
        ("rows_per_shard", rows_per_shard, 1),
        ("workers", workers, 1),
        ("start", start, 0),
        ("lengths.inputs", order.lengths.inputs, 2),
        ("lengths.targets", order.lengths.targets, 2),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UserError(f"An export has {name} = {value!r}: expected a whole number, {least} or more.")
    if rows > rows_per_shard * MOST_SHARDS:
        raise UserError(
            f"An export of {rows:,} rows with rows_per_shard = {rows_per_shard:,} would have more than {MOST_SHARDS:,} "
            "files. Raise rows_per_shard."
        )
