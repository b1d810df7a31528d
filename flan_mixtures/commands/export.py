"""`flan-mixtures export`: a mixture's examples as files, with a manifest; the same command goes on after a stop.

Enters: a mixture, a folder, how many rows, a format. Leaves: the files. Effects: reads data, writes files, starts
processes if asked to, shows progress.
"""

from __future__ import annotations

import argparse
import logging

from flan_mixtures.commands import flags

# Other spellings of the formats' names that people type.
_SPELLINGS = {"arrayrecord": "array_record", "tf_record": "tfrecord"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's flags."""
    parser.add_argument("mixture", help="a mixture; `flan-mixtures list` shows all")
    parser.add_argument("--out", required=True, metavar="DIR", help="a new folder, or one that holds the same export")
    parser.add_argument("--rows", required=True, type=flags.positive, metavar="N", help="how many examples")
    parser.add_argument(
        "--format",
        default="jsonl",
        help="jsonl, jsonl.gz, parquet, arrayrecord or tfrecord (default: %(default)s)",
    )
    parser.add_argument("--rows-per-shard", type=flags.positive, metavar="N", help="rows of every file but the last")
    parser.add_argument("--workers", type=flags.positive, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--start", type=flags.count, default=0, metavar="N", help="the first position (default: 0)")
    parser.add_argument("--split", default="train", help="train, validation or test (default: %(default)s)")
    parser.add_argument("--with-tokens", action="store_true", help="add token ids to every row")
    flags.add_rendering_flags(parser, lengths="512,128")
    flags.add_source_flags(parser)
    flags.add_excluded_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes the files. Raises UserError as `export` does."""
    from flan_mixtures.commands.token_count import token_count
    from flan_mixtures.export.export import ROWS_PER_SHARD, export
    from flan_mixtures.mixtures.read import Order

    logging.basicConfig(format="%(message)s")
    logging.getLogger("flan_mixtures").setLevel(logging.INFO)
    sources = flags.sources(arguments)
    order = Order(arguments.mixture, flags.lengths(arguments), arguments.split, arguments.seed, sources)
    manifest = export(
        order,
        arguments.out,
        rows=arguments.rows,
        format=_SPELLINGS.get(arguments.format, arguments.format),
        make_encode=token_count(arguments.vocabulary).make_encode,
        start=arguments.start,
        rows_per_shard=arguments.rows_per_shard or ROWS_PER_SHARD,
        workers=arguments.workers,
        with_tokens=arguments.with_tokens,
    )
    print(f"{arguments.out}: {manifest.rows_written:,} rows, files: {len(manifest.shards)}")
    return 0
