"""What a Beam worker needs before it can prepare examples: the same registered tasks and gin config as the command.

A worker is this process, another one on this machine, or one of a cluster: only what is pickled gets there.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys

import seqio

import gin
from t5x.data.installed_tasks import registered_names
from t5x.errors import UserError


@dataclasses.dataclass(frozen=True)
class WorkerSetup:
    """The command's modules and config.

    Attributes:
      modules: to import.
      gin_text: all bindings.
      tfds_data_dir: folder of TFDS data, or None for TFDS's own.
    """

    modules: tuple[str, ...]
    gin_text: str
    tfds_data_dir: str | None

    def task(self, name: str) -> seqio.Task:
        """Returns the task, after whatever this process still lacks. Raises UserError where nothing registers it."""
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
        for module in self.modules:
            importlib.import_module(module)
        if name not in registered_names(name):
            raise UserError(f"A worker does not know the task {name!r}: install there what registers it.")
        if gin.config_str() != self.gin_text:
            with gin.unlock_config():
                gin.parse_config(self.gin_text)
        if self.tfds_data_dir:
            seqio.set_tfds_data_dir_override(self.tfds_data_dir)
        return seqio.TaskRegistry.get(name)
