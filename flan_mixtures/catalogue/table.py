"""The lookup table: what each task of the Flan Collection is, and what this package knows about it.

Enters: the published lines (`listing.py`) and the declarations. Leaves: one `Entry` per line, joined by task name; so
size, licence, cluster and loader stand in one place, the declaration, and cannot contradict it.
Effects: reads the package's own data files, each once.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from flan_mixtures.catalogue import niv2, t0
from flan_mixtures.catalogue.declaration import Declaration, declarations
from flan_mixtures.catalogue.listing import Listing, listings
from t5x.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the table for one of our tasks.

    Attributes:
      task: our name; empty where nothing here builds it.
      source, dataset, specific_category, generic_category: as published.
      languages: English names of languages.
      inverted: whether what is usually the input is predicted.
      cluster: of Flan 2021, or a name for the submixture's kind of task; empty where there is none.
      rows: training rows; None where only reading the data says.
      licence: of the data.
      loader: the places that rows can come from, in order of preference, parted by semicolons.
    """

    task: str
    source: str
    dataset: str
    specific_category: str
    generic_category: str
    languages: tuple[str, ...]
    inverted: bool
    cluster: str = ""
    rows: int | None = None
    licence: str = ""
    loader: str = ""


@functools.cache
def declared() -> dict[str, Declaration]:
    """Returns every declaration that comes with the package, by task name."""
    files = (declarations(submixture) for submixture in ("flan2021", "cot", "dialog"))
    return {task: found for part in (*files, t0.declarations(), niv2.declarations()) for task, found in part.items()}


@functools.cache
def collection() -> tuple[Entry, ...]:
    """Returns the table, in the published order; a line that stands for two tasks is there once for each."""
    return tuple(_entry(listing, task) for listing in listings() for task in (listing.tasks or ("",)))


def entry(task: str) -> Entry:
    """Returns the line about a task as it is usually posed, not inverted. Raises UserError for an unknown name."""
    found = _by_task().get(task)
    if found is None:
        raise UserError(f"The table has no task {task!r}.{nearest(task, _by_task())} `flan-mixtures list` shows all.")
    return found


@functools.cache
def _by_task() -> dict[str, Entry]:
    return {line.task: line for line in collection() if line.task and not line.inverted}


def _entry(listing: Listing, task: str) -> Entry:
    fields = {
        field.name: getattr(listing, field.name) for field in dataclasses.fields(Listing) if field.name != "tasks"
    }
    declaration = declared().get(task)
    if declaration is None:
        return Entry(task=task, **fields)
    return Entry(
        task=task,
        cluster=declaration.cluster,
        rows=declaration.rows,
        licence=declaration.licence,
        loader="; ".join(_place(source) for source in declaration.sources),
        **fields,
    )


def _place(source: Mapping[str, Any]) -> str:
    files = source.get("files", {})
    return f"{source['kind']} {source.get('name') or source.get('path') or ', '.join(files.values())}".strip()
