"""A source guessed from a file or folder that the user names in `SourceConfig.paths`.

Enters: a path. Leaves: the mapping that `make_source` takes. The kind comes from the ending of a file's name, and for
`.json` and folders from what is in them; a file is the split train unless its folder was given.
Effects: looks at names, and at the beginning of `.jsonl` files, which may be P3.
"""

from __future__ import annotations

import pathlib
from typing import Any

from flan_mixtures.sources.data_file import full_path
from flan_mixtures.sources.p3 import END_MARKER
from flan_mixtures.sources.split_names import split_of_name
from t5x.errors import UserError

_ENDINGS = {
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".parquet": "parquet",
}
_HF_FILES = ("dataset_dict.json", "state.json")
_TFDS_FILES = ("dataset_info.json", "features.json")
_LOOKED_AT = 2**16  # bytes of a file: a P3 prompt with its completion fits


def local_mapping(dataset: str, path: str) -> dict[str, Any]:
    """Returns the mapping of the source at `path`.

    Raises:
      UserError: nothing is there, or nothing that a kind of source reads.
    """
    found = full_path(path)
    if found.is_file():
        mapping = _of_file(found, path)
    elif found.is_dir():
        mapping = _of_folder(found)
    else:
        raise UserError(
            f"SourceConfig.paths or --path gives {path!r} for {dataset!r}, and {str(found)!r} does not exist. "
            "Give a file or folder that does."
        )
    if not mapping:
        raise UserError(
            f"SourceConfig.paths or --path gives {path!r} for {dataset!r}, and no kind of source reads it: expected a "
            f"file that ends with {', '.join(_ENDINGS)} or a Super-NaturalInstructions .json, or a folder with such "
            "files named for their splits (train, validation, test), or one that TFDS or Hugging Face `datasets` wrote."
        )
    return mapping


def _of_file(found: pathlib.Path, path: str) -> dict[str, Any]:
    if found.suffix == ".json":
        return {"kind": "natural_instructions", "path": path}
    kind = _kind_of(found)
    return {"kind": kind, "files": {"train": path}} if kind else {}


def _of_folder(found: pathlib.Path) -> dict[str, Any]:
    if any((found / name).is_file() for name in _HF_FILES):
        return {"kind": "hf", "path": str(found)}
    if all((found / name).is_file() for name in _TFDS_FILES):
        return {"kind": "tfds", "name": "local", "folder": str(found)}
    files = {split_of_name(file.name): file for file in sorted(found.iterdir()) if split_of_name(file.name)}
    kinds = {split: _kind_of(file) for split, file in files.items() if _kind_of(file)}
    _one_file_each(found)
    if (kinds and set(kinds.values()) == {"parquet"}) or (not kinds and next(found.rglob("*.parquet"), None)):
        return {"kind": "hf", "path": str(found)}
    if kinds and len(set(kinds.values())) == 1:
        return {"kind": next(iter(kinds.values())), "files": {split: str(files[split]) for split in kinds}}
    if any(file.suffix == ".json" for file in files.values()):
        return {"kind": "natural_instructions", "path": str(found)}
    return {}


def _one_file_each(folder: pathlib.Path) -> None:
    """Raises UserError where two files could be the same split; several parquet files are one split's parts."""
    first: dict[str, pathlib.Path] = {}
    for file in sorted(folder.iterdir()):
        split, kind = split_of_name(file.name), _kind_of(file)
        if split and kind and first.setdefault(split, file) != file and not kind == _kind_of(first[split]) == "parquet":
            raise UserError(
                f"The folder {str(folder)!r} has two files for the split {split!r}, {first[split].name!r} and "
                f"{file.name!r}: expected one. Give the path of the file that is meant, or take the other away."
            )


def _kind_of(file: pathlib.Path) -> str | None:
    for ending, kind in _ENDINGS.items():
        if file.name.endswith(ending) and file.is_file():
            return "p3" if ending == ".jsonl" and _is_p3(file) else kind
    return None


def _is_p3(file: pathlib.Path) -> bool:
    with file.open("rb") as opened:
        return END_MARKER.encode() in opened.read(_LOOKED_AT)
