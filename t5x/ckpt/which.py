"""Where a run starts from: its own latest checkpoint, another run's, or scratch.

Source: T5X's restore order. A run's own folder wins over the restore config, so a restarted job goes on where it was;
its restore config (with the renaming in it) only counts the first time. An incomplete checkpoint is never the latest.
Effects: lists folders.
"""

from __future__ import annotations

import enum
import os
from typing import NamedTuple

from etils import epath

from t5x.ckpt import discovery, layout
from t5x.ckpt.config import RestoreCheckpointConfig
from t5x.errors import UserError


class Start(enum.Enum):
    """How a run starts."""

    RESUME = "resume"
    WARM_START = "warm_start"
    SCRATCH = "scratch"


class Decision(NamedTuple):
    """How a run starts, and the checkpoint it starts from (None from scratch)."""

    start: Start
    path: epath.Path | None


def where_to_start(model_dir: str | os.PathLike[str], restore: RestoreCheckpointConfig | None) -> Decision:
    """Returns where a run in `model_dir` starts from.

    Raises:
      UserError: the restore config names several checkpoints, or one that is missing, incomplete or unreadable.
    """
    step = discovery.latest_step(model_dir)
    if step is not None:
        own = layout.checkpoint_path(model_dir, step)
        discovery.require_readable(own)
        return Decision(Start.RESUME, own)
    paths = discovery.resolve(restore) if restore is not None else []
    if len(paths) > 1:
        raise UserError(
            f"RestoreCheckpointConfig.path names {len(paths)} checkpoints, but training starts from one: "
            f"{', '.join(str(path) for path in paths[:4])}. Keep one of them."
        )
    return Decision(Start.WARM_START, paths[0]) if paths else Decision(Start.SCRATCH, None)
