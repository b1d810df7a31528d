"""The folder that holds the user's data files.

Enters: the gin binding `data_root.directory.path`, or the environment variable `FLAN_MIXTURES_DATA`; the binding wins.
Leaves: the folder. Below it each data set has its own folder (`flan_cot/`, `bbh/`, `t5_vocab/`, ...).
Effects: reads the environment and looks whether the folder is there; only when called, never on import.
"""

from __future__ import annotations

import os
import pathlib

import gin
from t5x.errors import UserError

ENVIRONMENT_VARIABLE = "FLAN_MIXTURES_DATA"


# Decorated, because a function that only a gin file's import registers is bound for gin's calls and not for Python's.
@gin.configurable
def directory(path: str | os.PathLike[str] | None = None) -> pathlib.Path:
    """Returns the data folder. Raises UserError where none is set, or what is set is no folder."""
    if path:
        given, how = path, "the gin binding data_root.directory.path"
    else:
        given, how = os.environ.get(ENVIRONMENT_VARIABLE, ""), f"the environment variable {ENVIRONMENT_VARIABLE}"
    if not given:
        raise UserError(
            "No data folder is set, and a task that reads files was asked for. Set the environment variable "
            f"{ENVIRONMENT_VARIABLE}=/path/to/data, or bind it in gin: --gin_file with the lines "
            "`from flan_mixtures.sources import data_root` and `data_root.directory.path = '/path/to/data'`."
        )
    folder = pathlib.Path(given).expanduser()
    if not folder.is_dir():
        raise UserError(f"The data folder {str(folder)!r}, set by {how}, is not a folder. Set it to one that exists.")
    return folder
