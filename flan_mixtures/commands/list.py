"""`flan-mixtures list`: the mixtures, or the tasks.

Enters: a pattern, a submixture. Leaves: a table. Effects: prints; looks into the data folder for tasks of its own.
"""

from __future__ import annotations

import argparse
import fnmatch
from collections.abc import Sequence

from flan_mixtures.commands import flags
from t5x.errors import UserError

_MIXTURE_COLUMNS = ("mixture", "tasks", "weights from")
_TASK_COLUMNS = (
    "task",
    "submixture",
    "cluster",
    "category",
    "rows",
    "licence",
    "languages",
    "loader",
    "family",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("pattern", nargs="?", default="", help="a part of the name, or a pattern with * and ?")
    parser.add_argument("--tasks", action="store_true", help="tasks instead of mixtures")
    parser.add_argument("--submixture", metavar="S", help="the tasks of one submixture only")
    parser.add_argument("--data", metavar="DIR", help="the data folder, which may hold tasks of its own")


def run(arguments: argparse.Namespace) -> int:
    """Prints the table. Raises UserError for an unknown submixture, or a pattern that nothing matches."""
    from flan_mixtures.commands.output import print_table

    flags.use_data_folder(arguments)
    tasks = arguments.tasks or arguments.submixture
    rows = _tasks(arguments.submixture) if tasks else _mixtures()
    found = [row for row in rows if matches(row[0], arguments.pattern)]
    if not found:
        raise UserError(
            f"No {'task' if tasks else 'mixture'} has a name that matches {arguments.pattern!r}. Without a pattern all"
            " are listed; --tasks lists tasks."
        )
    print_table(_TASK_COLUMNS if tasks else _MIXTURE_COLUMNS, found, ("tasks", "rows"))
    return 0


def matches(name: str, pattern: str) -> bool:
    """Whether a name has the pattern in it, whatever the case; one with * or ? must match the whole name."""
    if any(sign in pattern for sign in "*?["):
        return fnmatch.fnmatchcase(name.lower(), pattern.lower())
    return pattern.lower() in name.lower()


def _mixtures() -> list[Sequence[str]]:
    from flan_mixtures.catalogue import catalogue
    from flan_mixtures.catalogue.declaration import SUBMIXTURES
    from flan_mixtures.mixtures.names import definition, names

    own = [f"{submixture}_submix" for submixture in catalogue.submixtures() if submixture not in SUBMIXTURES]
    size = {submixture: len(catalogue.tasks(submixture)) for submixture in catalogue.submixtures()}
    found = []
    for name in (*names(), *own):
        meant = definition(name)
        whole = sum(size[submixture] for submixture in meant.preset.submixtures)
        tasks = whole if meant.tasks is None else len(meant.tasks)
        found.append((name, str(tasks), meant.preset.source.partition(":")[0]))
    return found


def _tasks(submixture: str | None) -> list[Sequence[str]]:
    from flan_mixtures.catalogue import catalogue

    return [
        (
            each.task,
            each.submixture,
            each.cluster,
            each.category,
            "?" if each.rows is None else str(each.rows),
            each.licence,
            ", ".join(each.languages),
            ", ".join(dict.fromkeys(str(source.get("kind", "?")) for source in each.sources)),
            each.templates,
        )
        for name in ([submixture] if submixture else catalogue.submixtures())
        for each in catalogue.tasks(name).values()
    ]
