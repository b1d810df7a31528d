"""Mixtures that are laid out once per process, for what the user says about sources and data when they are asked for.

Effects: keeps them.
"""

from __future__ import annotations

from flan_mixtures.mixtures.mixture import Mixture
from flan_mixtures.sources import data_root
from flan_mixtures.sources.source_config import SourceConfig

_kept: dict[tuple[str, ...], Mixture] = {}


def laid_out(name: str, split: str, seed: int) -> Mixture:
    """Returns the mixture. Raises UserError as `Mixture` does, or where no data folder is set."""
    sources = SourceConfig()
    key = (name, split, str(seed), repr(sources), str(data_root.directory()))
    if key not in _kept:
        _kept[key] = Mixture(name, sources, split, seed)
    return _kept[key]
