"""Compares the leaves a model needs with those a checkpoint has, and says in one paragraph how they differ.

Enters: name and shape of every leaf on both sides. Effects: none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from t5x.ckpt.optimizer_kind import optimizer_kind
from t5x.errors import UserError

_SHOWN = 3  # leaves of each kind listed in a message

Shape = tuple[int, ...]


def require_same_model(
    path: object,
    wanted: Mapping[str, Shape],
    found: Mapping[str, Shape],
    sources: Mapping[str, str | None],
    *,
    may_lack: bool = False,
) -> None:
    """Raises UserError where the checkpoint does not hold the model's leaves in the model's shapes.

    Args:
      path: the checkpoint, for the message.
      wanted: shapes by name in the model.
      found: shapes by name in the checkpoint.
      sources: name in the checkpoint for each name in the model; None for those left out.
      may_lack: leaves that the checkpoint lacks are no difference.
    """
    pairs = {name: source for name, source in sources.items() if source is not None}
    missing = [] if may_lack else [name for name, source in pairs.items() if source not in found]
    different = [
        f"{name} is {list(found[source])} in the checkpoint and {list(wanted[name])} in the model"
        for name, source in pairs.items()
        if source in found and tuple(found[source]) != tuple(wanted[name])
    ]
    # A part of the tree that is not asked for at all (say the optimizer state) is no difference, nor is anything when
    # leaves are renamed: what is wanted is then spelled out.
    parts = {name.split("/")[0] for name in wanted}
    renamed = any(name != source for name, source in sources.items())
    unexpected = [] if renamed else [n for n in found if n.split("/")[0] in parts and n not in wanted]
    if not (missing or different or unexpected):
        return
    findings = [
        _listing("in the model but not in the checkpoint", missing),
        _listing("in the checkpoint but not in the model", unexpected),
        _listing("of different shape", different),
    ]
    kinds = [optimizer_kind(names) for names in (found, wanted)]
    optimizers = ""
    if "state" in parts and kinds[0] != kinds[1]:
        optimizers = f"The checkpoint's optimizer state is that of {kinds[0]}, and this run's that of {kinds[1]}. "
    raise UserError(
        f"The checkpoint {path} is of another model or optimizer: of {len(wanted)} leaves, "
        f"{'; '.join(filter(None, findings))}. {optimizers}Use the configuration that wrote it, choose another "
        "MODEL_DIR or restore path, or rename and leave out leaves with RestoreCheckpointConfig.assignment_map (e.g. "
        "[(r'state/param_states.*', None)] with fallback_to_scratch=True for another optimizer)."
    )


def _listing(kind: str, items: Iterable[str]) -> str:
    items = list(items)
    if not items:
        return ""
    more = f", and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"{len(items)} {kind} ({', '.join(items[:_SHOWN])}{more})"
