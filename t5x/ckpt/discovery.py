"""Which checkpoints lie in a folder, and which one a restore config means.

Enters: folders and `RestoreCheckpointConfig`. Leaves: steps and absolute paths of complete checkpoints.
Source: T5X's restore modes, with its defect mended that names alone decided: an incomplete checkpoint is never the
latest. Effects: lists folders.
"""

from __future__ import annotations

import os

from etils import epath

from t5x.ckpt import layout
from t5x.ckpt.config import RestoreCheckpointConfig
from t5x.errors import UserError, nearest

_SHOWN = 8  # steps or names listed in a message


def all_steps(directory: str | os.PathLike[str]) -> list[int]:
    """Returns the steps of the complete checkpoints in a folder, ascending; empty where there is no such folder."""
    return sorted(step for step, path in _candidates(directory).items() if layout.is_complete(path))


def latest_step(directory: str | os.PathLike[str]) -> int | None:
    """Returns the highest step with a complete checkpoint, or None."""
    candidates = _candidates(directory)
    return next((step for step in sorted(candidates, reverse=True) if layout.is_complete(candidates[step])), None)


def incomplete_names(directory: str | os.PathLike[str]) -> list[str]:
    """Returns the names of unfinished or damaged checkpoint folders, for a line in the log."""
    folder = layout.absolute(directory)
    unfinished = [path.name for path in _listing(folder) if layout.is_unfinished_name(path.name)]
    return sorted(unfinished + [p.name for p in _candidates(directory).values() if not layout.is_complete(p)])


def resolve(config: RestoreCheckpointConfig) -> list[epath.Path]:
    """Returns the checkpoints that a restore config means; none where its path is empty (T5X: `path = []`).

    Raises:
      UserError: the path is missing, wrongly named, incomplete, or in a format that cannot be read.
    """
    paths = [config.path] if isinstance(config.path, str | os.PathLike) else list(config.path or ())
    find = _latest_in if config.mode == "latest" else _specific
    return [find(layout.absolute(path)) for path in paths if os.fspath(path)]


def steps_text(steps: list[int], other: str = "") -> str:
    """Returns steps as text for a message, the newest first; `other` ("other ") goes before the word checkpoint."""
    if not steps:
        return f"no {other}complete checkpoint"
    shown = ", ".join(str(step) for step in sorted(steps, reverse=True)[:_SHOWN])
    return f"{other}complete checkpoints at step {shown}" + (" and earlier" if len(steps) > _SHOWN else "")


def require_readable(path: epath.Path) -> None:
    """Raises UserError where `path` holds no complete checkpoint in a format that can be read."""
    kind = layout.format_of(path)
    if kind is not None and kind not in layout.READABLE:
        raise UserError(
            f"{path} is {kind.value}; only T5X's own formats can be read so far. Convert it by loading it in T5X and "
            "saving it there, then point the restore path at the result."
        )
    if not path.exists():
        raise UserError(f"There is no checkpoint at {path}.{_neighbours(path)}")
    gap = layout.why_incomplete(path)
    if gap:
        others = [step for step in all_steps(path.parent) if step != layout.step_of(path)]
        raise UserError(
            f"The checkpoint {path} is not complete: {gap}. Its writing was interrupted or part of it was deleted. "
            f"{path.parent} has {steps_text(others, 'other ')} to restore from."
        )


def _listing(folder: epath.Path) -> list[epath.Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except PermissionError as error:
        raise UserError(f"The folder {folder} cannot be listed: {error}. Check its permissions.") from error


def _candidates(directory: str | os.PathLike[str]) -> dict[int, epath.Path]:
    found = {layout.step_of(path): path for path in _listing(layout.absolute(directory))}
    return {step: path for step, path in found.items() if step is not None}


def _specific(path: epath.Path) -> epath.Path:
    kind = layout.format_of(path)
    if kind in (None, layout.Format.ORBAX) and path.is_dir() and layout.step_of(path) is None:
        steps = all_steps(path)
        hint = (
            f"set mode='latest', or name one, e.g. {layout.checkpoint_path(path, steps[-1])}"
            if steps
            else ("a checkpoint's folder is called checkpoint_<step>")
        )
        raise UserError(
            "Restoring with mode='specific' takes the path of one checkpoint, <folder>/checkpoint_<step>, but got "
            f"{path}, which has {steps_text(steps)}: {hint}."
        )
    require_readable(path)
    return path


def _latest_in(path: epath.Path) -> epath.Path:
    if layout.step_of(path) is not None and (not path.is_dir() or layout.format_of(path)):
        raise UserError(
            f"Restoring with mode='latest' takes a folder of checkpoints, but {path} is one checkpoint: "
            f"set mode='specific', or give its folder {path.parent}."
        )
    if not path.is_dir():
        raise UserError(f"There is no folder {path} to restore the latest checkpoint from.{_neighbours(path)}")
    step = latest_step(path)
    if step is None:
        names = incomplete_names(path)
        unfinished = f" It holds unfinished ones: {', '.join(names[:_SHOWN])}." if names else ""
        raise UserError(
            f"The folder {path} holds no complete checkpoint (checkpoint_<step>).{unfinished} "
            "Give the folder of a run that has saved one, or leave the restore path empty to start from scratch."
        )
    found = layout.checkpoint_path(path, step)
    require_readable(found)
    return found


def _neighbours(path: epath.Path) -> str:
    """What lies nearest to a path that is missing: the deepest folder that exists, and what it holds."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    missing = path.relative_to(folder).parts[0]
    names = [entry.name for entry in _listing(folder)]
    steps = all_steps(folder)
    suggestion = nearest(missing, names)
    if steps:
        return f" {folder} has {steps_text(steps)}.{suggestion}"
    listed = f"holds {', '.join(sorted(names)[:_SHOWN])}" if names else "is empty"
    return f" The folder {folder} exists and {listed}.{suggestion}"
