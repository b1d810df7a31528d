"""Finds which arrays of a checkpoint cannot be read, for the error message after a read has failed.

Enters: the checkpoint, its leaf names, a function that reads one leaf. Effects: reads files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from etils import epath

from t5x.ckpt import discovery, layout
from t5x.errors import UserError

# What TensorStore and Orbax raise on files that are truncated, corrupted or missing.
READ_ERRORS = (OSError, ValueError, RuntimeError, KeyError)
_SHOWN = 3  # leaves listed in a message
_QUOTED = 200  # characters of the original error in the message


def find_damage(path: epath.Path, names: Iterable[str], read_one: Callable[[str], object]) -> UserError | None:
    """Returns the error that names the leaves which `read_one` fails on, or None where each can be read by itself.

    None means that the read failed for another reason, such as memory; the caller then raises the original error.
    """
    names = list(names)
    unreadable: dict[str, BaseException] = {}
    for name in names:
        try:
            read_one(name)
        except READ_ERRORS as error:
            unreadable[name] = error
    if not unreadable:
        return None
    cause = " ".join(str(next(iter(unreadable.values()))).split())[:_QUOTED]
    more = f" and {len(unreadable) - _SHOWN} more" if len(unreadable) > _SHOWN else ""
    others = [step for step in discovery.all_steps(path.parent) if step != layout.step_of(path)]
    way_out = "restore from one of those" if others else "copy it anew from where it came from"
    return UserError(
        f"The checkpoint {path} is damaged: {len(unreadable)} of {len(names)} arrays cannot be read, "
        f"{', '.join(list(unreadable)[:_SHOWN])}{more} ({cause}). {path.parent} has "
        f"{discovery.steps_text(others, 'other ')}; delete or move away {path.name} and {way_out}."
    )


def recorded_names(path: epath.Path) -> list[str]:
    """Returns the names of the leaves that a checkpoint's index lists, which needs none of its array files."""
    entries = json.loads((path / layout.STATE_ITEM / layout.TREE_METADATA).read_text())["tree_metadata"].values()
    arrays = [entry for entry in entries if entry["value_metadata"]["value_type"] not in ("None", "Dict")]
    return ["/".join(part["key"] for part in entry["key_metadata"]) for entry in arrays]
