"""`flan-mixtures explore`: one HTML page to look at a mixture with, in a browser, from a file, without a network.

Enters: a mixture, how many examples are shown. Leaves: the page. Effects: reads data, writes one file.
"""

from __future__ import annotations

import argparse
import pathlib

from flan_mixtures.commands import flags
from t5x.errors import UserError

_COUNTED = 100_000
_PAGE_BEGINS = b"<!doctype html>"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("mixture", help="a mixture; `flan-mixtures list` shows all")
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="the page, such as page.html")
    parser.add_argument(
        "--examples", type=flags.positive, default=200, metavar="N", help="rendered examples (default: %(default)s)"
    )
    parser.add_argument(
        "--counted",
        type=flags.positive,
        default=_COUNTED,
        metavar="N",
        help=f"examples of the mixture that the table counts tasks and epochs in (default: {_COUNTED:,})",
    )
    flags.add_rendering_flags(parser, lengths="512,128")
    flags.add_source_flags(parser)
    flags.add_excluded_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes the page. Raises UserError as `Mixture` does, and for a file that cannot be written."""
    from flan_mixtures.commands.output import tracked, waiting
    from flan_mixtures.commands.token_count import token_count
    from flan_mixtures.explore.look import look
    from flan_mixtures.explore.page import page
    from flan_mixtures.mixtures.mixture import Mixture

    out = pathlib.Path(arguments.out).expanduser()
    if not out.parent.is_dir() or out.is_dir():
        raise UserError(f"The page {arguments.out!r} cannot be written: expected a file name in a folder that exists.")
    if _is_something_else(out):
        raise UserError(f"{arguments.out!r} is there and is no page: name a new file, or a page to replace.")
    sources, lengths = flags.sources(arguments), flags.lengths(arguments)
    counting = token_count(arguments.vocabulary)
    with waiting("looking for data"):
        mixture = Mixture(arguments.mixture, sources, seed=arguments.seed)
    view = look(
        mixture,
        shown=arguments.examples,
        counted=arguments.counted,
        lengths=lengths,
        encode=counting.make_encode(),
        unit=counting.unit,
        tracked=lambda places: tracked(places, len(places), "rendering"),
    )
    try:
        out.write_text(page(view), encoding="utf-8", errors="backslashreplace")  # data may hold half a surrogate pair
    except OSError as error:
        raise UserError(f"The page {arguments.out!r} cannot be written: {error.strerror}.") from error
    print(f"{arguments.out}: {len(view.samples):,} examples of {len(view.losses):,} tasks")
    return 0


def _is_something_else(out: pathlib.Path) -> bool:
    if not out.is_file():
        return False
    with out.open("rb") as file:
        begins = file.read(len(_PAGE_BEGINS))
    return begins.lower() not in (b"", _PAGE_BEGINS)
