"""Which optimizer a checkpoint's state looks like, for messages.

Enters: names of leaves. Source: the state layouts of t5x/adafactor.py and of optax optimizers in T5X's checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable

_PREFIX = "state/param_states/"
_ADAFACTOR = ("v_row", "v_col", "v", "m")


def optimizer_kind(names: Iterable[str]) -> str:
    """Returns a noun phrase for the optimizer that keeps these leaves, such as "Adafactor"."""
    leaves = [name.removeprefix(_PREFIX).split("/") for name in names if name.startswith(_PREFIX)]
    if not leaves:
        return "an optimizer that keeps nothing, such as plain SGD"
    kinds = []
    if any(leaf[-1] in _ADAFACTOR and not _is_optax(leaf) for leaf in leaves):
        kinds.append("Adafactor")
    fields = dict.fromkeys(next(key for key in leaf if not _is_position(key)) for leaf in leaves if _is_optax(leaf))
    if fields:
        kinds.append(f"an optax optimizer that keeps {', '.join(fields)}")
    return " and ".join(kinds) or "an unknown optimizer"


def _is_position(key: str) -> bool:
    return key.isdigit() or key.startswith("optimizer_")


def _is_optax(leaf: list[str]) -> bool:
    return _is_position(leaf[0]) and len(leaf) > 1 and not all(map(_is_position, leaf))
