"""SeqIO tasks that installed packages offer, found by name without an import line in a gin file.

A package announces the modules that register its tasks under the entry-point group `t5x.tasks`, in its setup.py:
    entry_points={"t5x.tasks": ["mine = my_package.tasks"]}
Effects: imports those modules, once, when a name is asked for that nothing has registered yet.
"""

from __future__ import annotations

import importlib.metadata

import seqio

import gin

GROUP = "t5x.tasks"


def registered_names(wanted: str) -> set[str]:
    """Returns the names of all registered tasks and mixtures; imports what is announced if `wanted` is not there."""
    if wanted not in _registered():
        with gin.unlock_config():  # modules may hold configurables, and the config of a run is locked by now
            for module in importlib.metadata.entry_points(group=GROUP):
                module.load()
    return _registered()


def _registered() -> set[str]:
    return {*seqio.TaskRegistry.names(), *seqio.MixtureRegistry.names()}
