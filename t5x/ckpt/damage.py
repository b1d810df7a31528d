"""What to tell the person whose checkpoint turns out damaged.

Enters: the checkpoint and what is wrong with which leaf. Leaves: a `UserError` in one paragraph.
Effects: lists the other checkpoints beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from etils import epath

from t5x.ckpt import discovery, layout
from t5x.errors import UserError

# What TensorStore and Orbax raise on files that are truncated, corrupted or missing.
READ_ERRORS = (OSError, ValueError, RuntimeError, KeyError)
_SHOWN = 3  # leaves listed in a message
_QUOTED = 240  # characters of the cause in the message


def damaged_leaves(path: epath.Path, damage: Mapping[str, str], checked: int) -> UserError:
    """Returns the error for a checkpoint of which some of the `checked` leaves are damaged, {name: what is wrong}."""
    more = f" and {len(damage) - _SHOWN} more" if len(damage) > _SHOWN else ""
    return UserError(
        f"The checkpoint {path} is damaged: {len(damage)} of {checked} arrays cannot be used, "
        f"{', '.join(list(damage)[:_SHOWN])}{more} ({_quote(next(iter(damage.values())))}). {_way_out(path)}"
    )


def damaged_index(path: epath.Path, error: BaseException) -> UserError:
    """Returns the error for a checkpoint whose list of arrays is damaged, so that none can be found."""
    return UserError(
        f"The checkpoint {path} is damaged: the index of all its arrays cannot be read ({_quote(str(error))}). "
        f"{_way_out(path)}"
    )


def find_unreadable(names: Iterable[str], read_one: Callable[[str], object]) -> dict[str, str]:
    """Returns what is wrong with each leaf that `read_one` fails on; empty where each can be read by itself."""
    damage = {}
    for name in names:
        try:
            read_one(name)
        except READ_ERRORS as error:
            damage[name] = str(error)
    return damage


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[:_QUOTED] + "..."


def _way_out(path: epath.Path) -> str:
    others = [step for step in discovery.all_steps(path.parent) if step != layout.step_of(path)]
    way_out = "restore from one of those" if others else "copy it anew from where it came from"
    return f"{path.parent} has {discovery.steps_text(others, 'other ')}; delete or move away {path.name} and {way_out}."
