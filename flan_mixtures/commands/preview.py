"""`flan-mixtures preview`: what a mixture will hold, before any data is read.

Enters: a mixture and how much of it will be read: examples, tokens or packed batches. Leaves: a table of tasks and
styles, what repeats, and what the weights of the submixtures became since data is missing; or all of it as JSON.
A budget in tokens needs mean lengths, so for that a few rows of every task are rendered, and only then.
Effects: looks at folders; reads rows if asked to measure; prints.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flan_mixtures.commands import flags

if TYPE_CHECKING:
    from flan_mixtures.mixtures.mixture import MixturePart
    from flan_mixtures.mixtures.preview import Preview

_EXAMPLES = 100_000
_MEASURED = 20  # rows per task and style where a budget in tokens asks for means; a mean within some ten percent
_COLUMNS = ("task", "style", "asked", "got", "rows", "examples", "tokens", "epochs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("mixture", help="a mixture; `flan-mixtures list` shows all")
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("--examples", type=flags.positive, metavar="N", help=f"default: {_EXAMPLES:,}")
    how_much.add_argument("--tokens", type=flags.positive, metavar="N", help="of inputs and targets together")
    how_much.add_argument(
        "--batches", type=flags.positive, metavar="N", help="full packed batches of --batch-size rows"
    )
    parser.add_argument("--batch-size", type=flags.positive, default=128, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--measure",
        type=flags.count,
        metavar="N",
        help=f"render N rows per task and style for mean lengths (default: {_MEASURED} for a budget in tokens, else 0)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    flags.add_rendering_flags(parser, lengths="512,128")
    flags.add_source_flags(parser)
    flags.add_excluded_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the preview. Raises UserError for an unknown mixture, one without any data, and a budget that is none."""
    from flan_mixtures.commands.output import waiting
    from flan_mixtures.mixtures.mixture import parts_of

    sources = flags.sources(arguments)
    with waiting("looking for data"):
        parts = parts_of(arguments.mixture, sources)
    here = [part for part in parts if part.share]
    measured = arguments.measure
    if measured is None:
        measured = _MEASURED if arguments.tokens or arguments.batches else 0
    means = _mean_tokens(here, arguments, sources, measured) if measured else {}
    preview = _preview(here, arguments, means)
    if arguments.json:
        print(json.dumps(_as_json(arguments.mixture, parts, here, preview), ensure_ascii=False, indent=1))
    else:
        _print(arguments.mixture, parts, here, preview)
    return 0


def _mean_tokens(
    parts: Sequence[MixturePart], arguments: argparse.Namespace, sources: Any, measured: int
) -> dict[str, float]:
    from flan_mixtures.commands.output import tracked
    from flan_mixtures.commands.token_count import token_count
    from flan_mixtures.mixtures.mean_tokens import mean_tokens
    from flan_mixtures.mixtures.mixture import Mixture

    mixture = Mixture(arguments.mixture, sources, seed=arguments.seed)
    lengths, encode = flags.lengths(arguments), token_count(arguments.vocabulary).make_encode()
    return {
        part.name: mean
        for part in tracked(parts, len(parts), "measuring")
        if (mean := mean_tokens(mixture, part, measured, lengths, encode)) is not None
    }


def _preview(parts: Sequence[MixturePart], arguments: argparse.Namespace, means: Mapping[str, float]) -> Preview:
    from flan_mixtures.mixtures.mixture import assumed_rows
    from flan_mixtures.mixtures.preview import PreviewPart, preview_batches, preview_examples, preview_tokens

    known = [PreviewPart(each.name, assumed_rows(each.declaration), each.share, means.get(each.name)) for each in parts]
    if arguments.tokens:
        return preview_tokens(known, arguments.tokens)
    if arguments.batches:
        lengths = flags.lengths(arguments)
        length = lengths.inputs + lengths.targets
        return preview_batches(known, arguments.batches, arguments.batch_size, length)
    return preview_examples(known, arguments.examples or _EXAMPLES)


def submixtures(parts: Sequence[MixturePart]) -> list[dict[str, Any]]:
    """Returns for each submixture its tasks, those that are there, its share asked for and what that became."""
    found = []
    for name in dict.fromkeys(part.declaration.submixture for part in parts):
        mine = [part for part in parts if part.declaration.submixture == name]
        found.append(
            {
                "submixture": name,
                "tasks": len({part.declaration.task for part in mine}),
                "tasks_here": len({part.declaration.task for part in mine if not part.missing}),
                "asked": sum(part.asked for part in mine),
                "got": sum(part.share for part in mine),
            }
        )
    return found


def _as_json(
    mixture: str, parts: Sequence[MixturePart], here: Sequence[MixturePart], preview: Preview
) -> dict[str, Any]:
    return {
        "mixture": mixture,
        "examples": preview.examples,
        "tokens": preview.tokens,
        "submixtures": submixtures(parts),
        "parts": [
            {
                "task": part.declaration.task,
                "style": part.styles.name,
                "submixture": part.declaration.submixture,
                "asked": part.asked,
                "got": part.share,
                "rows": line.rows,
                "rows_declared": part.declaration.rows is not None,
                "examples": line.examples,
                "tokens": line.tokens,
                "epochs": line.epochs,
            }
            for part, line in zip(here, preview.lines, strict=True)
        ],
        "repeated": [line.name for line in preview.repeated],
        "missing": {part.declaration.task: part.missing for part in parts if part.missing},
    }


def _print(mixture: str, parts: Sequence[MixturePart], here: Sequence[MixturePart], preview: Preview) -> None:
    from flan_mixtures.commands.output import print_table

    print_table(
        _COLUMNS,
        [
            (
                part.declaration.task,
                part.styles.name,
                f"{part.asked:.4%}",
                f"{part.share:.4%}",
                f"{line.rows:,}" if part.declaration.rows is not None else f"~{line.rows:,}",
                f"{line.examples:,.0f}",
                "?" if line.tokens is None else f"{line.tokens:,.0f}",
                f"{line.epochs:.3f}",
            )
            for part, line in zip(here, preview.lines, strict=True)
        ],
        _COLUMNS[2:],
    )
    print()
    columns = ("submixture", "tasks", "here", "asked", "got")
    rows = [
        (each["submixture"], str(each["tasks"]), str(each["tasks_here"]), f"{each['asked']:.2%}", f"{each['got']:.2%}")
        for each in submixtures(parts)
    ]
    print_table(columns, rows, columns[1:])
    print()
    tokens = "" if preview.tokens is None else f", {preview.tokens:,.0f} tokens"
    print(f"{preview.examples:,.0f} examples{tokens}. Rows are those declared; what lies here may have fewer.")
    if any(part.declaration.rows is None for part in here):
        print("~ marks tasks that declare no number of rows: that of a typical task stands for it.")
    repeated = preview.repeated
    if repeated:
        first = ", ".join(f"{line.name} ({line.epochs:.2f} times)" for line in repeated[:5])
        print(f"{len(repeated)} of {len(here)} parts are read more than once: {first}{', ...' * (len(repeated) > 5)}.")
    missing = dict.fromkeys(part.declaration.task for part in parts if part.missing)
    if missing:
        print(
            f"{len(missing)} of {len({part.declaration.task for part in parts})} tasks have no data here or are"
            f" excluded; the others share their weight. `flan-mixtures availability {mixture}` shows where data is"
            " looked for."
        )
