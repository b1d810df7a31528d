"""The position in the training data, saved inside a checkpoint's `dataset/` folder.

Enters: any object with `save(path_prefix)` and `restore(path_prefix)`, such as an iterator over a tf.data pipeline; the
files it writes are its own affair (nothing here imports TensorFlow). Source: T5X's names, `train_ds-000-of-001` for one
process and `process_<i>-of-<n>/` around it for several.
Effects: writes and reads files. Written before `save` returns, since the position must be the one at the save; it
becomes visible together with the rest of the checkpoint.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Protocol

import jax
import orbax.checkpoint as ocp
from etils import epath

from t5x.ckpt import layout
from t5x.errors import UserError


class DatasetState(Protocol):
    """What can write its position under a path prefix and read it back."""

    def save(self, path_prefix: str) -> object:
        """Writes the position to files whose names start with `path_prefix`."""

    def restore(self, path_prefix: str) -> object:
        """Reads the position back."""


def file_prefix(dataset_folder: epath.Path, process_index: int, process_count: int) -> epath.Path:
    """Returns the path prefix of one process's files."""
    name = f"train_ds-{process_index:03}-of-{process_count:03}"
    if process_count == 1:
        return dataset_folder / name
    return dataset_folder / f"process_{process_index}-of-{process_count}" / name


def has_dataset_state(path: str | os.PathLike[str]) -> bool:
    """Says whether the checkpoint at `path` holds a position in the data, for any number of processes."""
    return bool(_saved_names(_dataset_folder(layout.absolute(path))))


def restore_dataset_state(path: str | os.PathLike[str], state: DatasetState) -> None:
    """Sets `state` to the position saved in the checkpoint at `path`.

    Raises:
      UserError: the checkpoint holds no position, holds it for another number of processes, or its files are damaged.
    """
    folder = _dataset_folder(layout.absolute(path))
    prefix = file_prefix(folder, jax.process_index(), jax.process_count())
    saved = _saved_names(folder)
    if not saved:
        raise UserError(
            f"The checkpoint {path} holds no position in the training data, so the data cannot go on where it stopped. "
            "Set RestoreCheckpointConfig.restore_dataset (or SaveCheckpointConfig.save_dataset) to False to start the "
            "data from its beginning."
        )
    if not any(epath.Path(name).name.startswith(prefix.name + ".") for name in saved):
        raise UserError(
            f"The checkpoint {path} holds the position in the data as {', '.join(saved[:3])}, but this run looks for "
            f"{prefix.relative_to(folder)} ({jax.process_count()} processes). Run with as many processes as saved "
            "it, or set restore_dataset to False to start the data from its beginning."
        )
    try:
        state.restore(os.fspath(prefix))
    except UserError:
        raise
    except Exception as error:  # what a damaged file raises is up to the library that wrote it
        raise UserError(
            f"The position in the training data at {prefix} does not fit: it is damaged, or the data have changed "
            "since it was saved. Train on the data it was saved with, in the same lengths and packing, or choose "
            "another MODEL_DIR and start from this checkpoint. SaveCheckpointConfig.save_dataset=False (of another "
            "run's checkpoint: RestoreCheckpointConfig.restore_dataset=False) does without the position. "
            f"The reader says: {str(error).split('} ')[-1].split(' [Op')[0]}"
        ) from error


class DatasetStateHandler(ocp.CheckpointHandler):
    """Writes a `DatasetState` as an item of an Orbax checkpoint; without a state the folder stays empty, as in T5X."""

    def save(self, directory: epath.Path, args: DatasetStateSave) -> None:
        """Writes this process's position below `directory`."""
        if args.state is None:
            return
        prefix = file_prefix(directory, jax.process_index(), jax.process_count())
        prefix.parent.mkdir(parents=True, exist_ok=True)
        try:
            args.state.save(os.fspath(prefix))
        except Exception as error:  # what a full disk raises is up to the library that writes
            raise OSError(f"the position in the training data cannot be written: {error}") from error

    def restore(self, directory: epath.Path, args: DatasetStateSave) -> None:
        """Reads this process's position from `directory` into `args.state`."""
        restore_dataset_state(directory.parent, args.state)

    @classmethod
    def typestr(cls) -> str:
        """The name under which T5X's own checkpoints record this item."""
        return "t5x.checkpoints.DatasetCheckpointHandler"


@ocp.args.register_with_handler(DatasetStateHandler, for_save=True, for_restore=True)
@dataclasses.dataclass
class DatasetStateSave(ocp.args.CheckpointArgs):
    """The position to save, or None where none is saved."""

    state: DatasetState | None = None


def _dataset_folder(path: epath.Path) -> epath.Path:
    """Before Orbax, T5X wrote the position beside the arrays."""
    folder = path / layout.DATASET_ITEM
    return folder if folder.is_dir() else path


def _saved_names(folder: epath.Path) -> list[str]:
    """Names, relative to `folder`, of the files that hold positions."""
    if not folder.is_dir():
        return []
    found = [*folder.glob("train_ds-*"), *folder.glob("process_*/train_ds-*")]
    return sorted(os.fspath(path.relative_to(folder)) for path in found)
