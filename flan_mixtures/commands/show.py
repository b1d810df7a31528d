"""`flan-mixtures show`: examples of one task, rendered in the styles of the public mixtures, or in every style.

Enters: a task, a row, styles. Leaves: prompts and targets with what is known about them. Effects: reads the task's
data; prints.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from flan_mixtures.commands import flags
from t5x.errors import UserError

if TYPE_CHECKING:
    from flan_mixtures.rendering.compose import TaskData
    from flan_mixtures.rendering.fit import Fitted, LeftOut
    from flan_mixtures.rendering.style import StyleDistribution

_SHOTS = 2  # of variants, where --shots says nothing: enough to see what repeats
# What an example says of itself beside its texts, in this order, where there is something to say.
_SHOWN = (
    "row_id",
    "template_id",
    "style",
    "shots",
    "options",
    "gold",
    "option_style",
    "label_target",
    "inverted",
    "reasoning",
    "shortened",
    "dropped_shots",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("task", help="a task; `flan-mixtures list --tasks` shows all")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--style", metavar="S", help="one style only, such as fsopt")
    which.add_argument("--all-styles", action="store_true", help="every choice on every axis that the task has")
    parser.add_argument("--row", type=flags.count, default=0, metavar="N", help="which row (default: %(default)s)")
    parser.add_argument("--shots", type=flags.positive, metavar="K", help="exemplars of few-shot styles")
    parser.add_argument("--split", default="train", help="train, validation or test (default: %(default)s)")
    flags.add_rendering_flags(parser, lengths="2048,512")
    flags.add_source_flags(parser)
    flags.add_excluded_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the examples. Raises UserError for an unknown task, style or row, and for a task without data."""
    from flan_mixtures.catalogue import catalogue
    from flan_mixtures.commands.token_count import token_count
    from flan_mixtures.mixtures.mixture import task_data
    from flan_mixtures.rendering.compose import compose

    sources = flags.sources(arguments)
    lengths = flags.lengths(arguments)
    data = task_data(catalogue.task(arguments.task), sources, arguments.split)
    if arguments.row >= len(data.rows):
        raise UserError(
            f"Task {arguments.task!r} has no row {arguments.row}: its split {arguments.split!r} has rows 0 to"
            f" {len(data.rows) - 1} here."
        )
    counted = token_count(arguments.vocabulary)
    for title, style in _styles(arguments, data):
        composed = compose(data, arguments.row, style, lengths, counted.make_encode(), seed=arguments.seed)
        _print(title, composed, counted.unit)
    return 0


def _styles(arguments: argparse.Namespace, data: TaskData) -> list[tuple[str, StyleDistribution]]:
    from flan_mixtures.catalogue import catalogue
    from flan_mixtures.commands.variants import all_variants, public_styles, with_shots
    from flan_mixtures.rendering.row import RATIONALE

    if arguments.style:
        return [(arguments.style, with_shots(catalogue.style(arguments.style), arguments.shots))]
    if not arguments.all_styles:
        return public_styles(data.family.options, arguments.shots)
    row = data.rows[arguments.row]
    return all_variants(
        arguments.shots or _SHOTS,
        has_options=data.family.options,
        has_rationale=row is not None and RATIONALE in row.fields,
        has_inversions=bool(data.family.inversions),
    )


def facts(example: Fitted, unit: str) -> list[tuple[str, str]]:
    """Returns what is known about an example beside its texts: sizes first, then what is not empty."""
    known = example.example.as_dict()
    sizes = f"{len(example.inputs)} in, {len(example.targets)} out"
    said = [(name, known[name]) for name in _SHOWN if known[name] not in (None, "", False, 0, []) or name == "gold"]
    return [
        (unit, sizes),
        *((name, _said(value)) for name, value in said if value is not None),
    ]


def _said(value: object) -> str:
    if isinstance(value, list):
        return " | ".join(map(str, value))
    return "yes" if value is True else str(value)


def _print(title: str, composed: Fitted | LeftOut, unit: str) -> None:
    from flan_mixtures.commands.output import printable
    from flan_mixtures.rendering.fit import LeftOut

    if isinstance(composed, LeftOut):
        texts, about = [], [("left out", composed.reason)]
    else:
        texts = [("inputs", composed.example.inputs), ("targets", composed.example.targets)]
        about = facts(composed, unit)
    texts = [(name, printable(text)) for name, text in texts]
    about = [(name, printable(said)) for name, said in about]
    if sys.stdout.isatty():
        _print_panel(title, texts, about)
        return
    print(f"=== {title}")
    for name, text in texts:
        print(f"--- {name}\n{text}")
    print("--- about")
    for name, said in about:
        print(f"{name}: {said}")
    print()


def _print_panel(title: str, texts: list[tuple[str, str]], about: list[tuple[str, str]]) -> None:
    from rich.console import Console, Group
    from rich.panel import Panel
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    parts: list[object] = []
    for name, text in texts:
        parts += [Text(text, style="green" if name == "targets" else ""), Rule(style="dim")]
    known = Table.grid(padding=(0, 2))
    for name, said in about:
        known.add_row(Text(name, style="dim"), Text(said, style="cyan"))
    parts.append(known)
    Console().print(Panel(Group(*parts), title=Text(title, style="bold"), title_align="left"))
