"""Writes checkpoints in the background, in T5X's Orbax layout.

Enters: a state dict `{target, state: {step, param_states}, [flax_mutables]}` of arrays, sharded or not.
Leaves: `<directory>/checkpoint_<step>/`. Effects: writes and deletes files, one thread while a save is under way. With
several processes every one of them makes the same calls; process 0 alone deletes.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from t5x.ckpt import discovery, layout, orbax_log
from t5x.ckpt.config import SAVE_DTYPES
from t5x.ckpt.dataset_state import DatasetState, DatasetStateHandler, DatasetStateSave
from t5x.ckpt.failure import save_failure
from t5x.ckpt.integrity import write_checksums
from t5x.ckpt.names import flatten, unflatten
from t5x.errors import UserError

# What an interrupted save or deletion can leave behind; a folder with anything else in it is not ours to delete.
_OWN_ENTRIES = re.compile(r"(state|dataset)(\.orbax-checkpoint-tmp.*)?|_CHECKPOINT_METADATA|commit_success\.txt")
_REMOVAL_SECONDS = 10.0  # how long a failed save's folder is tried to be removed
_SETTLED_SECONDS = 0.5  # a folder that has stayed away this long is not written to any more; writes take milliseconds
_DELETED_SUFFIX = layout.UNFINISHED_SUFFIX + "-deleted"
# What the operating system, TensorStore (ValueError) and the runtime (RuntimeError) raise when writing fails.
_STORAGE_ERRORS = (OSError, ValueError, RuntimeError)


_log = logging.getLogger(__name__)


class CheckpointSaver:
    """Saves checkpoints into one folder, one at a time, in the background.

    `save` returns once the position in the data is written and every array is either copied to the host or held by a
    reference that keeps the runtime from reusing its memory, so the caller may donate the arrays to its next step. A
    failure in the background is raised, as a UserError, by the next `check`, `save`, `wait` or `close`.

    Use it as a context manager, or call `close`, so that the last save is finished and its errors are seen.
    """

    def __init__(self, directory: str | os.PathLike[str], *, keep: int | None = None, dtype: str | None = "float32"):
        """Creates the folder and removes what killed saves have left in it.

        Args:
          directory: where the checkpoints go.
          keep: how many of the newest stay; None for all.
          dtype: data type of the saved parameters ('float32', 'bfloat16', None for as they are).

        Raises:
          UserError: the folder cannot be created or cleaned.
        """
        if dtype not in SAVE_DTYPES:
            raise UserError(f"A checkpoint cannot be saved with dtype {dtype!r}; choose one of {SAVE_DTYPES}.")
        orbax_log.quiet()
        self.directory = layout.absolute(directory)
        self._keep = keep
        self._dtype = None if dtype is None else jnp.dtype(dtype)
        self._checkpointer = _make_checkpointer()
        self._thread: threading.Thread | None = None
        self._error: UserError | None = None
        if jax.process_index() == 0:
            _prepare_folder(self.directory)

    def save(self, step: int, state_tree: Mapping[str, Any], dataset_state: DatasetState | None = None) -> bool:
        """Starts saving `state_tree` as the checkpoint of `step`; first waits for the save before it.

        Args:
          step: number in the checkpoint's name.
          state_tree: nested dict of arrays; None leaves are left out. Only floating leaves under `target` are cast.
          dataset_state: position in the data, written before this returns; None to save none.

        Returns:
          False where a complete checkpoint of that step exists already, which is left as it is.

        Raises:
          UserError: this save could not be started, or the one before it failed.
        """
        self.wait()
        path = layout.checkpoint_path(self.directory, step)
        if layout.is_complete(path):
            return False
        leaves = {n: leaf if hasattr(leaf, "dtype") else np.asarray(leaf) for n, leaf in flatten(state_tree).items()}
        args = {name: ocp.SaveArgs(dtype=self._saved_dtype(name, leaf)) for name, leaf in leaves.items()}
        size = sum(np.size(leaf) * (args[name].dtype or leaf.dtype).itemsize for name, leaf in leaves.items())
        try:
            if jax.process_index() == 0:
                _sweep(self.directory)
                _remove_leftover(path)
            self._checkpointer.save(
                path,
                ocp.args.Composite(
                    state=ocp.args.PyTreeSave(unflatten(leaves), save_args=unflatten(args)),
                    dataset=DatasetStateSave(dataset_state),
                ),
            )
        except _STORAGE_ERRORS as error:
            raise self._failure(error, step, size) from error
        self._thread = threading.Thread(target=self._finish, args=(step, size), name=f"save checkpoint_{step}")
        self._thread.start()
        return True

    def check(self) -> None:
        """Raises the UserError of a save that has failed in the background since; never waits."""
        if self._thread is not None and not self._thread.is_alive():
            self.wait()

    def wait(self) -> None:
        """Waits until the save under way is complete on disk; raises its UserError if it failed."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Waits for the save under way and lets the writer go. Raises its UserError if it failed."""
        try:
            self.wait()
        finally:
            self._checkpointer.close()

    def __enter__(self) -> CheckpointSaver:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except UserError as failure:
            if error is None:
                raise
            error.add_note(str(failure))  # the error that ends the run is the one to show first

    def _saved_dtype(self, name: str, leaf: Any) -> np.dtype | None:
        is_parameter = name.startswith("target/") and jnp.issubdtype(leaf.dtype, jnp.floating)
        return self._dtype if is_parameter else None

    def _finish(self, step: int, size: int) -> None:
        """The background thread: waits for Orbax, then deletes what `keep` no longer covers."""
        try:
            self._checkpointer.wait_until_finished()
        except _STORAGE_ERRORS as error:
            failure = self._failure(error, step, size)
            failure.__cause__ = error
            self._error = failure
            return
        if self._keep is not None and jax.process_index() == 0:
            _delete_oldest(self.directory, self._keep)

    def _failure(self, error: BaseException, step: int, size: int) -> UserError:
        if isinstance(error, UserError):
            return error
        if jax.process_index() == 0:
            partial = layout.checkpoint_path(self.directory, step).name + layout.UNFINISHED_SUFFIX
            if not _remove_unfinished(self.directory / partial):
                _log.warning("What was written of %s could not be removed; it goes when the next save starts.", partial)
        return save_failure(error, self.directory, step, size)


class _StateHandler(ocp.PyTreeCheckpointHandler):
    """Orbax's writer of array trees, which also records checksums once every process has written."""

    def finalize(self, directory: epath.Path) -> None:
        super().finalize(directory)
        write_checksums(directory)

    @classmethod
    def typestr(cls) -> str:
        return ocp.PyTreeCheckpointHandler.typestr()  # the name other readers know


def _make_checkpointer() -> ocp.AsyncCheckpointer:
    # Folders are made before `save` returns, so that a folder that cannot be written to is reported at once.
    options = ocp.options.AsyncOptions(create_directories_asynchronously=False)
    registry = ocp.handlers.DefaultCheckpointHandlerRegistry()
    registry.add(layout.STATE_ITEM, ocp.args.PyTreeSave, _StateHandler(use_ocdbt=True))
    registry.add(layout.DATASET_ITEM, DatasetStateSave, DatasetStateHandler())
    handler = ocp.CompositeCheckpointHandler(
        handler_registry=registry, composite_options=ocp.CompositeOptions(async_options=options)
    )
    return ocp.AsyncCheckpointer(handler, async_options=options)


def _prepare_folder(directory: epath.Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _sweep(directory)
    except OSError as error:
        raise UserError(
            f"The folder {directory} cannot be used for checkpoints: {error}. Choose a MODEL_DIR that this user can "
            "create and write to."
        ) from error


def _sweep(directory: epath.Path) -> None:
    """Removes unfinished saves and deletions; none of this run's is under way when it is called."""
    for path in list(directory.iterdir()):
        if layout.is_unfinished_name(path.name):
            _remove(path)


def _remove(path: epath.Path) -> None:
    """Removes a checkpoint: a folder, or the single file of T5X's oldest format."""
    path.rmtree() if path.is_dir() else path.unlink()


def _remove_leftover(path: epath.Path) -> None:
    """Removes what lies where a checkpoint is to be written, provided that it is the remains of one."""
    if not path.exists():
        return
    foreign = [] if not path.is_dir() else [e.name for e in path.iterdir() if not _OWN_ENTRIES.fullmatch(e.name)]
    if foreign or not path.is_dir():
        what = f"holds {', '.join(sorted(foreign)[:4])}" if foreign else "is a file"
        raise UserError(
            f"A checkpoint is to be written to {path}, but that {what}, which no interrupted save leaves behind. "
            "Nothing was overwritten. Move it away, or choose another MODEL_DIR."
        )
    path.rmtree()


def _delete_oldest(directory: epath.Path, keep: int) -> None:
    for step in discovery.all_steps(directory)[:-keep]:
        path = layout.checkpoint_path(directory, step)
        # Renamed first: a deletion that is cut short must not leave a folder that passes for a checkpoint.
        doomed = directory / (path.name + _DELETED_SUFFIX)
        try:
            path.rename(doomed)
            _remove(doomed)
        except FileNotFoundError:
            continue  # somebody else has deleted it
        except OSError as error:
            # The new checkpoint is complete; that an old one stays is no reason to end a training.
            _log.warning("The old checkpoint %s could not be deleted: %s", path, error)


def _remove_unfinished(path: epath.Path) -> bool:
    """Removes the folder of a save that has failed; says whether it is gone.

    The first write to fail ends a save while others are still under way, and TensorStore makes their folders anew. So
    the folder is removed again and again, until it has stayed away for a while. One that cannot be removed keeps a
    name that is never taken for a checkpoint, and goes when the next save starts.
    """
    quiet_since = time.monotonic()
    give_up_at = quiet_since + _REMOVAL_SECONDS
    while time.monotonic() < give_up_at:
        try:
            if path.exists():
                quiet_since = time.monotonic()
                path.rmtree()
        except OSError:
            quiet_since = time.monotonic()  # a write has just added to it, or it may not be removed
        if time.monotonic() - quiet_since > _SETTLED_SECONDS:
            return True
        time.sleep(_SETTLED_SECONDS / 10)
    return False
