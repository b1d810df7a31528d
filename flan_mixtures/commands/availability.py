"""`flan-mixtures availability`: where each task's data is looked for, and whether it is there.

Enters: a mixture, or none for every task. Leaves: a table with a line per source. Effects: prints; looks at folders.
"""

from __future__ import annotations

import argparse
import sys

from flan_mixtures.commands import flags

_COLUMNS = ("task", "submixture", "source", "state")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("mixture", nargs="?", help="the tasks of one mixture only")
    flags.add_source_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the table. Raises UserError for an unknown mixture, and with --on-missing error for a missing task."""
    from flan_mixtures.catalogue import catalogue
    from flan_mixtures.commands.output import print_table, waiting
    from flan_mixtures.mixtures.names import definition
    from flan_mixtures.sources.available import availability
    from t5x.errors import UserError

    sources = flags.sources(arguments)
    wanted = definition(arguments.mixture) if arguments.mixture else None
    declared = [
        declaration
        for submixture in (wanted.preset.submixtures if wanted else catalogue.submixtures())
        for task, declaration in catalogue.tasks(submixture).items()
        if wanted is None or wanted.tasks is None or task in wanted.tasks
    ]
    with waiting("looking for data"):
        found = availability(declared, sources)
    print_table(_COLUMNS, [(each.task, each.submixture, *source) for each in found for source in each.sources])
    there = sum(each.available for each in found)
    print(f"{there} of {len(found)} tasks can be read here.", file=sys.stderr)
    if sources.on_missing == "error" and there < len(found):
        first = next(each.task for each in found if not each.available)
        raise UserError(f"{len(found) - there} of {len(found)} tasks cannot be read here; the first is {first!r}.")
    return 0
