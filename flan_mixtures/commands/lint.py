"""`flan-mixtures lint`: faults in template files, the package's and those of the data folder.

Enters: nothing but the data folder. Leaves: a line per fault; the exit status is 1 where there are any.
Effects: reads template files; prints.
"""

from __future__ import annotations

import argparse
import sys

from flan_mixtures.commands import flags


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("--data", metavar="DIR", help="the data folder, which may hold templates of its own")


def run(arguments: argparse.Namespace) -> int:
    """Prints the faults and returns whether there are any. Raises UserError for a malformed file."""
    from flan_mixtures.catalogue import catalogue
    from flan_mixtures.lint.family_lint import lint_family

    flags.use_data_folder(arguments)
    names = catalogue.template_names()
    findings = [finding for name in names for finding in lint_family(catalogue.templates(name))]
    for finding in findings:
        print(finding)
    print(f"{len(findings)} faults in {len(names)} template families.", file=sys.stderr)
    return 1 if findings else 0
