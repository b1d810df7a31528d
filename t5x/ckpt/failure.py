"""What to tell the person running a training when a checkpoint could not be written.

Enters: the error that Orbax or the operating system raised. Leaves: a `UserError` in one paragraph.
Effects: asks the file system for its free space.
"""

from __future__ import annotations

import errno
import shutil

from etils import epath

from t5x.ckpt import discovery, layout
from t5x.errors import UserError

# What the operating system or TensorStore calls each kind of failure, in lower case.
_FULL = ("no space left", "disk quota exceeded", "resource_exhausted", "file too large")
_FORBIDDEN = ("permission denied", "permission_denied", "read-only file system", "operation not permitted")
_FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN_CODES = (errno.EACCES, errno.EPERM, errno.EROFS)
_QUOTED = 300  # characters of the original error in the message


def save_failure(error: BaseException, directory: epath.Path, step: int, bytes_needed: int) -> UserError:
    """Returns the error to raise when saving `step` in `directory` failed with `error`.

    Call it after the partial folder is removed, so that the free space it reports is what the next save will find.
    """
    cause, way_out = _cause(error, directory, bytes_needed)
    latest = discovery.latest_step(directory) if _is_listable(directory) else None
    if latest is None:
        earlier = "There was no complete checkpoint before it."
    else:
        earlier = (
            f"Earlier checkpoints are intact; the latest complete one is {layout.checkpoint_path(directory, latest)}."
        )
    return UserError(
        f"The checkpoint of step {step} could not be written to {directory}: {cause}. {earlier} "
        f"What had been written of step {step} is not taken for a checkpoint. {way_out}"
    )


def readable_size(count: float) -> str:
    """Returns a number of bytes as text, in units of 1000."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _cause(error: BaseException, directory: epath.Path, bytes_needed: int) -> tuple[str, str]:
    text = str(error).lower()
    code = getattr(error, "errno", None)
    if code in _FULL_CODES or any(phrase in text for phrase in _FULL):
        return (
            f"the disk (or its quota) is full; it needs about {readable_size(bytes_needed)} before compression"
            f"{_free_space(directory)}",
            "Free some space, set SaveCheckpointConfig.keep to delete old checkpoints, or choose another "
            "MODEL_DIR, then start the same command again: it resumes from the latest complete checkpoint.",
        )
    if code in _FORBIDDEN_CODES or any(phrase in text for phrase in _FORBIDDEN):
        return (
            f"writing there is not permitted ({_quote(error)})",
            "Make the folder writable for this user or choose another MODEL_DIR, then start the same command again.",
        )
    return (
        f"{type(error).__name__}: {_quote(error)}",
        "Check that the folder exists, is a folder and can be written to, then start the same command again.",
    )


def _quote(error: BaseException) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= _QUOTED else line[:_QUOTED] + "..."


def _free_space(directory: epath.Path) -> str:
    try:
        return f", and {readable_size(shutil.disk_usage(directory).free)} is free now"
    except OSError:
        return ""


def _is_listable(directory: epath.Path) -> bool:
    try:
        discovery.all_steps(directory)
    except (UserError, OSError):
        return False
    return True
