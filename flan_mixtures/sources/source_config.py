"""What the user says about sources: where data sets lie, and what happens when data is absent or broken.

In gin: the import `from flan_mixtures.sources import source_config`, then for example
`SourceConfig.paths = {'rte': 'my/rte'}` and a parameter that is bound to `@SourceConfig()`. Effects: none.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

import gin
from t5x.errors import UserError, nearest

ON_MISSING = ("skip", "error")
ON_MALFORMED = ("stop", "skip")


@gin.configurable
@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """How sources are made.

    Attributes:
      paths: for a data set's name, the local file or folder that is tried before its declared sources; what kind it is
        is seen from its ending or its content. Relative paths are relative to the data folder.
      on_missing: whether a task without any source is left out of its mixture (`skip`) or is an `error`.
      on_malformed: whether a malformed row raises UserError (`stop`) or is left out, counted and logged (`skip`).
      tfds_data_dir: where TFDS keeps prepared data sets; empty for TFDS's own choice.
      excluded: a file of rows and tasks that are not trained on, as `flan-mixtures decontaminate` writes; absolute or
        relative to the data folder. Empty for none.
      download: whether TFDS may download and prepare what is not on disk.
    """

    paths: Mapping[str, str] = dataclasses.field(default_factory=dict)
    on_missing: str = "skip"
    on_malformed: str = "stop"
    tfds_data_dir: str = ""
    download: bool = False
    excluded: str = ""

    def __post_init__(self) -> None:
        paths = self.paths
        if not isinstance(paths, Mapping) or not all(isinstance(path, str | os.PathLike) for path in paths.values()):
            raise UserError(f"SourceConfig.paths is {paths!r}: expected a path by data set, as in {{'rte': 'my/rte'}}.")
        for name, allowed in (("on_missing", ON_MISSING), ("on_malformed", ON_MALFORMED)):
            value = getattr(self, name)
            if value not in allowed:
                raise UserError(
                    f"SourceConfig.{name} is {value!r}: expected one of {', '.join(map(repr, allowed))}."
                    f"{nearest(str(value), allowed)}"
                )
