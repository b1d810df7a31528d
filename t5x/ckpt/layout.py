"""How a checkpoint lies on disk, and whether one is whole.

Source: T5X's Orbax layout, `checkpoint_<step>/{_CHECKPOINT_METADATA, state/, dataset/}`, step not padded, and its older
ones, see `t5x/ckpt/legacy`. TensorFlow's is recognised so that a message can name it; `READABLE` says which of them
`restore` reads.
Effects: reads names and two small JSON files of a checkpoint; writes nothing.
"""

from __future__ import annotations

import enum
import json
import os
import re

from etils import epath

PREFIX = "checkpoint_"  # T5X
STATE_ITEM = "state"  # T5X
DATASET_ITEM = "dataset"  # T5X
ROOT_METADATA = "_CHECKPOINT_METADATA"  # Orbax
TREE_METADATA = "_METADATA"  # Orbax
COMMIT_MARKER = "commit_success.txt"  # Orbax
OCDBT_MANIFEST = "manifest.ocdbt"  # TensorStore
LEGACY_INDEX = "checkpoint"  # T5X before Orbax
UNFINISHED_SUFFIX = ".orbax-checkpoint-tmp"  # Orbax: a save in progress, or one that was killed

_STEP_NAME = re.compile(re.escape(PREFIX) + r"(\d+)$")
_STEP_AT_END = re.compile(r"(?:^|[._-])(?:checkpoint_)?(\d+)$")  # T5X's single files; early Orbax has the bare step
_UNFINISHED_NAME = re.compile(re.escape(PREFIX) + r"\d+" + re.escape(UNFINISHED_SUFFIX))


class Format(enum.Enum):
    """The kinds of checkpoint that carry T5X models; the value is how a message calls them."""

    ORBAX = "an Orbax checkpoint"
    T5X_LEGACY = "a checkpoint in T5X's older format (msgpack index with one folder an array)"
    SINGLE_FILE = "a single-file msgpack checkpoint"
    TENSORFLOW = "a TensorFlow (Mesh TensorFlow) checkpoint"


READABLE = frozenset({Format.ORBAX, Format.T5X_LEGACY, Format.SINGLE_FILE})
LEGACY = READABLE - {Format.ORBAX}


def absolute(path: str | os.PathLike[str]) -> epath.Path:
    """Returns the path as an absolute one (`~` expanded); bucket addresses such as `gs://...` stay as they are."""
    text = os.fspath(path)
    return epath.Path(text) if "://" in text else epath.Path(os.path.abspath(os.path.expanduser(text)))


def checkpoint_path(directory: str | os.PathLike[str], step: int) -> epath.Path:
    """Returns `<directory>/checkpoint_<step>`, whether it exists or not."""
    return absolute(directory) / f"{PREFIX}{step}"


def step_of(path: str | os.PathLike[str]) -> int | None:
    """Returns the step in a checkpoint's folder name, or None where the name is not `checkpoint_<step>`."""
    match = _STEP_NAME.match(epath.Path(path).name)
    return int(match.group(1)) if match else None


def step_in_name(path: str | os.PathLike[str]) -> int | None:
    """Returns the step that ends the name of any checkpoint, such as the single file `tiny.checkpoint_0`, or None."""
    match = _STEP_AT_END.search(epath.Path(path).name)
    return int(match.group(1)) if match else None


def is_unfinished_name(name: str) -> bool:
    """Says whether a folder of this name is a save in progress, a killed one, or a deletion that was cut short."""
    return bool(_UNFINISHED_NAME.match(name))


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """Returns the format of what lies at `path`, or None where it is nothing that looks like a checkpoint."""
    path = absolute(path)
    if epath.Path(f"{path}.index").exists():
        return Format.TENSORFLOW
    if path.is_file():
        return Format.SINGLE_FILE
    index = legacy_index(path)
    if index.parent == path and ((path / STATE_ITEM).is_dir() or (path / ROOT_METADATA).exists()):
        return Format.ORBAX
    if index.is_file():
        with index.open("rb") as file:
            return Format.TENSORFLOW if file.read(21) == b"model_checkpoint_path" else Format.T5X_LEGACY
    return None


def legacy_index(path: epath.Path) -> epath.Path:
    """Returns where the msgpack file of a checkpoint in an older format is, or would be.

    It is the single file itself, `checkpoint` in the folder, or, between T5X's two formats, `state/checkpoint`.
    """
    if path.is_file():
        return path
    state = path / STATE_ITEM
    if (state / LEGACY_INDEX).is_file() and not (state / TREE_METADATA).exists():
        return state / LEGACY_INDEX
    return path / LEGACY_INDEX


def why_incomplete(path: str | os.PathLike[str]) -> str | None:
    """Returns what a checkpoint lacks, as the rest of a sentence ("it lacks ..."), or None where it is complete.

    Every sign that some version of Orbax leaves on a finished checkpoint is asked for only where that version writes
    it, so T5X's own files pass. A file in one of the older formats is written last or renamed whole, so it counts as
    complete.
    """
    path = absolute(path)
    if UNFINISHED_SUFFIX in path.name:
        return "its writing was never finished"
    try:
        kind = format_of(path)
        if kind is None:
            return "nothing of a checkpoint is in it"
        return _orbax_gap(path) if kind is Format.ORBAX else None
    except PermissionError as error:
        return f"it may not be read ({error})"


def is_complete(path: str | os.PathLike[str]) -> bool:
    """Says whether a checkpoint was written to its end; an aborted or half-deleted one was not."""
    return why_incomplete(path) is None


def _orbax_gap(path: epath.Path) -> str | None:
    state = path / STATE_ITEM
    tree = _read_json(state / TREE_METADATA)
    if tree is None:
        return f"{STATE_ITEM}/{TREE_METADATA} is missing or unreadable"
    if tree.get("use_ocdbt") and not (state / OCDBT_MANIFEST).exists():
        return f"{STATE_ITEM}/{OCDBT_MANIFEST} is missing"
    root = _read_json(path / ROOT_METADATA)
    if root is None:
        return f"{ROOT_METADATA} is missing or unreadable"
    if root.get("init_timestamp_nsecs") and not root.get("commit_timestamp_nsecs"):
        return f"{ROOT_METADATA} has no time of completion"
    lost = [item for item in root.get("item_handlers") or {} if not (path / item).is_dir()]
    if lost:
        return f"the folder {lost[0]} is missing"
    # Orbax before 0.12 writes the marker in buckets only; where it marks the item it also marks the whole.
    marker_expected = (state / COMMIT_MARKER).exists() or "://" in str(path)
    if marker_expected and not (path / COMMIT_MARKER).exists():
        return f"{COMMIT_MARKER} is missing"
    return None


def _read_json(path: epath.Path) -> dict | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
