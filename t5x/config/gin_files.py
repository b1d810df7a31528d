"""Where gin files are found: `--gin_file` arguments and `include` lines, from any working directory.

Enters: a name as written (`gin/runs/finetune.gin`) and the folders of --gin_search_paths.
Leaves: the path of a file that exists, or a UserError that lists every place searched.
Source: T5X searches --gin_search_paths, then the folder that holds its package. Include paths of published T5X files
    are mapped onto this project's own files, but only after everything else, so that a T5X checkout among the search
    paths gives its own files.
Effects: reads the file system; `gin_file_search` replaces gin's own readers while it is open.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator, Sequence

from t5x.errors import UserError, nearest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent

# Published include path -> file of this project. Family and file names are T5X's.
PUBLISHED = (
    (re.compile(r"t5x/configs/runs/(?P<name>[\w.-]+\.gin)"), r"gin/runs/\g<name>"),
    (
        re.compile(r"t5x/examples/t5/(?P<family>t5_1_0|t5_1_1|mt5|byt5)/(?P<name>[\w.-]+\.gin)"),
        r"gin/models/\g<family>/\g<name>",
    ),
)


def project_gin_folder() -> pathlib.Path:
    """Returns the folder that holds runs/, models/ and networks/: beside the package, or inside an installed one."""
    installed = PACKAGE / "_gin"
    return installed if installed.is_dir() else PACKAGE.parent / "gin"


def _in_project(name: str) -> list[str]:
    """Returns where the project itself would keep `name`, if it is named `gin/...`."""
    return [str(project_gin_folder() / name.removeprefix("gin/"))] if name.startswith("gin/") else []


def candidates(name: str, search_paths: Sequence[str]) -> list[str]:
    """Returns the places where the gin file `name` may be, in the order in which they are tried."""
    if os.path.isabs(name) or "://" in name:
        return [name]
    folders = [*search_paths, os.getcwd(), str(PACKAGE.parent)]
    places = [os.path.join(folder, name) for folder in folders] + _in_project(name)
    for pattern, replacement in PUBLISHED:
        if pattern.fullmatch(name):
            places += _in_project(pattern.sub(replacement, name))
    return list(dict.fromkeys(os.path.abspath(place) if "://" not in place else place for place in places))


def _exists(path: str) -> bool:
    if "://" not in path:
        return os.path.isfile(path)
    import tensorflow as tf  # remote file systems (gs://) are read through it

    return tf.io.gfile.exists(path)


def _gin_files_in(folder: str) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".gin")] if os.path.isdir(folder) else []


def find_gin_file(name: str, search_paths: Sequence[str]) -> str:
    """Returns the path of the gin file `name`.

    Raises:
      UserError: if there is none; the message lists every place searched.
    """
    places = candidates(name, search_paths)
    for place in places:
        if _exists(place):
            return place
    beside = [file for place in places for file in _gin_files_in(os.path.dirname(place))]
    raise UserError(
        f"There is no gin file {name!r}.{nearest(os.path.basename(name), beside)} Searched: {', '.join(places)}. Give"
        " an existing file, or name the folder that its path starts from with --gin_search_paths=FOLDER."
    )


def open_gin_file(name: str, search_paths: Sequence[str]):
    """Opens the gin file `name` for reading text; its `name` attribute is the path that gin puts into messages."""
    path = find_gin_file(name, search_paths)
    if "://" not in path:
        return open(path, encoding="utf-8")
    import tensorflow as tf

    return tf.io.gfile.GFile(path)


@contextlib.contextmanager
def gin_file_search(search_paths: Sequence[str]) -> Iterator[None]:
    """While open, gin finds files as `find_gin_file` does.

    gin 0.5 offers no way to put a reader first: it would try the working directory before the search paths, and its
    own package reader logs an error for every place where a file is not. So its two lists are swapped and put back.
    """
    from gin import config

    readers, prefixes = config._FILE_READERS[:], config._LOCATION_PREFIXES[:]
    added = [prefix for prefix in prefixes if prefix]  # by gin.add_config_file_search_path
    config._FILE_READERS[:] = [(lambda name: open_gin_file(name, [*search_paths, *added]), lambda name: True)]
    config._LOCATION_PREFIXES[:] = [""]
    try:
        yield
    finally:
        config._FILE_READERS[:] = readers
        config._LOCATION_PREFIXES[:] = prefixes
