"""Which of a task's sources are there on this machine.

Enters: declarations and a `SourceConfig`. Leaves: the first source that can be read, or a table of all with what is
missing, as plain data. Effects: looks at folders; reads no data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.sources.local_source import local_mapping
from flan_mixtures.sources.make_source import ROW_KEYS, make_source
from flan_mixtures.sources.source import Source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

OK = "ok"
# What a local copy takes over from the declared source of its kind: how to read it, not where.
_TAKEN_OVER = ("splits", "where", "hold_out", "columns", "escapes", *ROW_KEYS)


@dataclasses.dataclass(frozen=True)
class Availability:
    """What there is of one task.

    Attributes:
      sources: description and state of each source, in order of preference; the state is `ok` or why it is missing.
    """

    task: str
    submixture: str
    sources: tuple[tuple[str, str], ...]

    @property
    def available(self) -> bool:
        """Whether the task can be read from one of them."""
        return any(state == OK for _, state in self.sources)


def source_mappings(declaration: Declaration, config: SourceConfig) -> tuple[Mapping[str, Any], ...]:
    """Returns what `make_source` takes for each source of a task: a local copy from the config, then the declared ones.

    A local copy takes `splits`, `columns` and what is said about rows from the first declared source of its kind.
    Raises UserError for a local copy that is not there or that no kind reads.
    """
    path = config.paths.get(declaration.dataset)
    if path is None:
        return declaration.sources
    local = local_mapping(declaration.dataset, path)
    like = next((source for source in declaration.sources if source.get("kind") == local["kind"]), {})
    taken_over = {key: like[key] for key in _TAKEN_OVER if key in like}
    if local["kind"] == "tfds":
        local["name"] = like.get("name", local["name"])
    return ({**taken_over, **local}, *declaration.sources)


def sources_of(declaration: Declaration, config: SourceConfig) -> tuple[tuple[Mapping[str, Any], Source], ...]:
    """Returns each source of a task beside its mapping. Raises UserError as `source_mappings` and `make_source` do."""
    try:
        return tuple((mapping, make_source(mapping, config)) for mapping in source_mappings(declaration, config))
    except UserError as error:
        raise UserError(f"Task {declaration.task!r}: {error}") from None


def availability(declarations: Iterable[Declaration], config: SourceConfig) -> list[Availability]:
    """Returns a row per task, in the order given. Raises UserError as `sources_of` does."""
    return [
        Availability(
            declaration.task,
            declaration.submixture,
            tuple((source.describe(), source.missing() or OK) for _, source in sources_of(declaration, config)),
        )
        for declaration in declarations
    ]
