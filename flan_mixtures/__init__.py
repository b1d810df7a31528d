"""Instruction-tuning mixtures: sources, templates, few-shot assembly, chain of thought, mixing, evaluation tasks.

For use from Python, without a machine-learning library:

    flan_mixtures.mixture_names()                                        # what there is
    flan_mixtures.render("rte", index=3, style="fsopt")                  # one row as a prompt, as a dict
    flan_mixtures.examples("cot_submix", inputs_length=1024, targets_length=256)   # an iterator of such dicts

Effects: none. Importing this package registers nothing and imports no machine-learning library; the modules that
register SeqIO tasks (such as `flan_mixtures.tasks`) are imported by name, from gin or from Python.
"""

from __future__ import annotations

import importlib
from typing import Any

# Name -> the module that has it, imported when the name is first used.
_PUBLIC = {
    "render": "flan_mixtures.plain.render_one",
    "examples": "flan_mixtures.plain.examples",
    "mixture_names": "flan_mixtures.plain.examples",
}

__all__ = ["examples", "mixture_names", "render"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'flan_mixtures' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *_PUBLIC))
