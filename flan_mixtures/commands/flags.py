"""Flags that several commands have, and what they stand for.

Enters: parsed arguments. Leaves: a `SourceConfig`, lengths. Effects: `sources` sets the environment variable
FLAN_MIXTURES_DATA where --data is given, for this process and those it starts.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from t5x.errors import UserError, nearest

if TYPE_CHECKING:
    from flan_mixtures.rendering.fit import Lengths
    from flan_mixtures.sources.source_config import SourceConfig

_DATA_VARIABLE = "FLAN_MIXTURES_DATA"  # that of sources/data_root.py, which is not imported to print help


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say where data is and what happens when it is absent or broken."""
    group = parser.add_argument_group("data")
    group.add_argument("--data", metavar="DIR", help=f"the data folder; else the environment variable {_DATA_VARIABLE}")
    group.add_argument(
        "--path",
        metavar="DATASET=PATH",
        action="append",
        default=[],
        help="a local copy of a data set, looked for here, then in the data folder, and tried before its declared "
        "sources; may be repeated",
    )
    group.add_argument(
        "--on-missing",
        choices=("skip", "error"),
        default="skip",
        help="a task without data is left out, or is an error (default: %(default)s)",
    )
    group.add_argument(
        "--on-malformed",
        choices=("stop", "skip"),
        default="stop",
        help="a malformed row is an error, or is left out and counted (default: %(default)s)",
    )


def add_rendering_flags(parser: argparse.ArgumentParser, lengths: str) -> None:
    """Adds the flags of commands that render examples; `lengths` is the default of --lengths."""
    group = parser.add_argument_group("rendering")
    group.add_argument(
        "--lengths",
        metavar="INPUTS,TARGETS",
        default=lengths,
        help="tokens that prompt and target may have, the end mark included (default: %(default)s)",
    )
    group.add_argument("--seed", type=int, default=0, help="another seed, other draws (default: %(default)s)")
    group.add_argument(
        "--vocabulary",
        metavar="PATH",
        help="a SentencePiece model that counts tokens; else t5_vocab/sentencepiece.model of the data folder",
    )


def add_excluded_flag(parser: argparse.ArgumentParser) -> None:
    """Adds the flag of commands that read rows: those that are not to be trained on."""
    parser.add_argument(
        "--excluded",
        metavar="FILE",
        default="",
        help="rows and tasks to leave out, as `flan-mixtures decontaminate` writes; looked for here, then in the data "
        "folder",
    )


def use_data_folder(arguments: argparse.Namespace) -> None:
    """Makes --data the data folder of this process and of those it starts."""
    if arguments.data:
        os.environ[_DATA_VARIABLE] = os.path.abspath(os.path.expanduser(arguments.data))


def sources(arguments: argparse.Namespace) -> SourceConfig:
    """Returns what the flags say about sources.

    Raises:
      UserError: a --path that is no DATASET=PATH, or names a data set that no task has.
    """
    from flan_mixtures.catalogue import catalogue
    from flan_mixtures.sources.source_config import SourceConfig

    use_data_folder(arguments)
    paths: dict[str, str] = {}
    for given in arguments.path:
        dataset, equals, path = given.partition("=")
        if not (dataset and equals and path):
            raise UserError(f"--path {given!r} names no data set and path: expected DATASET=PATH, as in rte=my/rte.")
        paths[dataset] = _here(path)
    if paths:
        known = {each.dataset for name in catalogue.submixtures() for each in catalogue.tasks(name).values()}
        for dataset in paths:
            if dataset not in known:
                raise UserError(f"--path: no task reads a data set {dataset!r}.{nearest(dataset, known)}")
    return SourceConfig(
        paths=paths,
        on_missing=arguments.on_missing,
        on_malformed=arguments.on_malformed,
        excluded=_here(getattr(arguments, "excluded", "")),  # commands that do not render rows lack the flag
    )


def _here(given: str) -> str:
    """Returns the full path of what lies in the working folder; anything else is looked for in the data folder."""
    here = os.path.abspath(os.path.expanduser(given))
    return here if given and os.path.exists(here) else given


def lengths(arguments: argparse.Namespace) -> Lengths:
    """Returns the lengths asked for. Raises UserError for anything but two positive whole numbers."""
    from flan_mixtures.rendering.fit import Lengths

    numbers = [part.strip() for part in arguments.lengths.split(",")]
    if len(numbers) != 2 or not all(part.isdecimal() and int(part) > 0 for part in numbers):
        raise UserError(f"--lengths {arguments.lengths!r}: expected two positive whole numbers, as in 512,128.")
    return Lengths(*map(int, numbers))


def positive(text: str) -> int:
    """Returns a positive whole number; for argparse, which turns ValueError into a message."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return int(text)


def count(text: str) -> int:
    """Returns a whole number, 0 or more; for argparse, which turns ValueError into a message."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number, 0 or more")
    return int(text)
