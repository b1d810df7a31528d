"""What a run saves and what it starts from: the three dataclasses that gin binds.

Source: `t5x.utils`; field names and defaults are T5X's, since published gin files bind them. A field whose feature
does not exist here must keep its default: any other value is an error with a sentence, never ignored.
Effects: none.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from t5x.errors import UserError, nearest

SAVE_DTYPES = (None, "float32", "bfloat16")  # T5X
RESTORE_DTYPES = (None, "float32", "bfloat16", "float16")  # T5X
RESTORE_MODES = ("specific", "latest")  # T5X also knows 'all', for evaluating every checkpoint


@dataclasses.dataclass
class SaveCheckpointConfig:
    """What is saved, and when.

    Attributes:
      dtype: data type of the saved parameters, one of 'float32', 'bfloat16', None (as they are); optimizer state is
        always saved as it is.
      period: steps between checkpoints, counted from the step the run starts at; None for none.
      checkpoint_steps: further steps to save at.
      keep: how many of the newest checkpoints stay; None for all.
      save_dataset: also save the position in the training data.
      keep_dataset_checkpoints, checkpointer_cls, state_transformation_fns, checkpoint_manager_cls: not supported.
    """

    dtype: str | None = "float32"
    period: int | None = None
    checkpoint_steps: Sequence[int] | None = None
    keep: int | None = None
    keep_dataset_checkpoints: int | None = None
    save_dataset: bool = False
    checkpointer_cls: Any = None
    state_transformation_fns: Sequence[Any] = dataclasses.field(default_factory=list)
    checkpoint_manager_cls: Any = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        self.dtype = _dtype_name(owner, self.dtype, SAVE_DTYPES)
        if self.period is not None and self.period < 0:
            raise UserError(f"{owner}.period is {self.period}; give a number of steps above 0, or None for no period.")
        if self.keep is not None and self.keep < 1:
            raise UserError(
                f"{owner}.keep is {self.keep}, which would delete every checkpoint; give 1 or more, or None to keep "
                "all."
            )
        _reject(
            owner,
            "keep_dataset_checkpoints",
            self.keep_dataset_checkpoints,
            "data positions live as long as their checkpoint",
        )
        _reject(owner, "checkpointer_cls", self.checkpointer_cls, "there is one writer here, Orbax")
        _reject(owner, "checkpoint_manager_cls", self.checkpoint_manager_cls, "there is one writer here, Orbax")
        _reject(owner, "state_transformation_fns", self.state_transformation_fns, "the state is saved as it is")


@dataclasses.dataclass
class RestoreCheckpointConfig:
    """What a run starts from when its own folder holds no checkpoint yet.

    Attributes:
      path: a checkpoint `<folder>/checkpoint_<step>` (mode 'specific') or a folder of them (mode 'latest'); empty for
        none.
      mode: 'specific' or 'latest'.
      assignment_map: pairs (regular expression on a name in the model, name in the checkpoint or None). The first
        pair that matches a whole name decides; groups may be used in the replacement; None leaves the leaf out.
      strict: only concerns TensorFlow checkpoints, which cannot be read yet.
      fallback_to_scratch: leaves that assignment_map leaves out, or that the checkpoint lacks, keep their initial
        values.
      dtype: data type of the restored parameters, one of 'float32', 'bfloat16', 'float16', None (as saved).
      restore_dataset: also restore the position in the training data.
      checkpointer_cls, state_transformation_fns, checkpoint_manager_cls: not supported.
    """

    path: str | Sequence[str]
    mode: str = "latest"
    assignment_map: Sequence[tuple[str, str | None]] | None = None
    strict: bool = True
    fallback_to_scratch: bool = False
    dtype: str | None = None
    restore_dataset: bool = False
    checkpointer_cls: Any = None
    state_transformation_fns: Sequence[Any] = ()
    checkpoint_manager_cls: Any = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        self.dtype = _dtype_name(owner, self.dtype, RESTORE_DTYPES)
        if self.mode not in RESTORE_MODES:
            raise UserError(
                f"{owner}.mode is {self.mode!r}; supported are 'specific' (path is one checkpoint) and 'latest' "
                f"(path is a folder of them).{nearest(str(self.mode), RESTORE_MODES)}"
            )
        if self.path is not None and not isinstance(self.path, str | os.PathLike | Sequence):
            raise UserError(f"{owner}.path is {self.path!r}; give a path, or an empty list for none.")
        if self.fallback_to_scratch and not self.assignment_map:
            raise UserError(
                f"{owner}.fallback_to_scratch is set without an assignment_map; say in assignment_map which leaves "
                "may be left out, e.g. [(r'state.*', None)] to start with a fresh optimizer state."
            )
        _reject(owner, "checkpointer_cls", self.checkpointer_cls, "the format of a checkpoint is recognised")
        _reject(
            owner, "checkpoint_manager_cls", self.checkpoint_manager_cls, "the format of a checkpoint is recognised"
        )
        _reject(owner, "state_transformation_fns", self.state_transformation_fns, "rename leaves with assignment_map")


@dataclasses.dataclass
class CheckpointConfig:
    """Saving and restoring; None switches either off."""

    save: SaveCheckpointConfig | None = None
    restore: RestoreCheckpointConfig | None = None


def _reject(owner: str, field: str, value: Any, reason: str) -> None:
    if value is None or (isinstance(value, Sequence) and not value):
        return
    raise UserError(f"{owner}.{field} is {value!r}, which is not supported: {reason}. Remove the binding.")


def _dtype_name(owner: str, value: Any, allowed: tuple[str | None, ...]) -> str | None:
    """T5X's files bind either a string or a dtype such as `jnp.float32`."""
    name = (
        value
        if value is None or isinstance(value, str)
        else getattr(value, "name", getattr(value, "__name__", str(value)))
    )
    if name not in allowed:
        names = ", ".join(repr(choice) for choice in allowed)
        raise UserError(
            f"{owner}.dtype is {value!r}; choose one of {names}.{nearest(str(name), [c for c in allowed if c])}"
        )
    return name
