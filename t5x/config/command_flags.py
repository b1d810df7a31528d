"""The flags of the commands that run a gin config, with T5X's names.

Enters: the arguments after the command's name. Leaves: a namespace; `gin_bindings` holds `--gin.X=Y` as well, and
`jax_flags` every `--jax_NAME=VALUE`.
Source: T5X's train.py, eval.py and main.py flags. Effects: none. Imports neither gin nor jax.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from t5x.errors import UserError, nearest


class FlagParser(argparse.ArgumentParser):
    """An argparse parser whose errors are UserErrors and which leaves --help to its owner."""

    def __init__(self, name: str, summary: str):
        super().__init__(
            prog=f"t5x {name}",
            description=summary,
            usage=f"t5x {name} --gin_file=FILE [--gin_file=FILE ...] [--gin.NAME=VALUE ...] [flags]",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raises UserError; argparse would print its usage and exit."""
        raise UserError(f"{self.prog}: {message}. `{self.prog} --help` lists the flags.")


def _comma_separated(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"write true or false, not {text!r}")
    return words[text.lower()]


def _add_switch(group: argparse._ArgumentGroup, name: str, text: str) -> None:
    """Adds a flag that may stand alone or be given `=true` or `=false`, as absl's do."""
    group.add_argument(name, nargs="?", const=True, default=False, type=_truth, metavar="true|false", help=text)


def make_parser(name: str, summary: str, shard_flag: bool = False) -> FlagParser:
    """Returns the parser of a command that runs a gin config; `shard_flag` gives it `--shard_id`."""
    parser = FlagParser(name, summary)
    config = parser.add_argument_group("config")
    config.add_argument(
        "--gin_file", action="append", default=[], metavar="FILE", help="gin file; repeat it, later files override"
    )
    # A row for the help only: such arguments are rewritten to --gin_bindings before parsing.
    config.add_argument(
        "--gin.NAME", dest="unused", metavar="VALUE", help="set a macro or parameter; needs no inner quotes"
    )
    config.add_argument(
        "--gin_bindings", action="append", default=[], metavar="'NAME = VALUE'", help="the same as gin text; repeat it"
    )
    config.add_argument(
        "--gin_search_paths",
        type=_comma_separated,
        default=[],
        metavar="DIR,DIR",
        help="where relative names start",
    )
    _add_switch(config, "--dry_run", "parse and check the config, print it, and stop")
    config.add_argument("--help", "-h", action="store_true", help="this text, with the macros of the given gin files")
    data = parser.add_argument_group("data")
    data.add_argument("--tfds_data_dir", metavar="DIR", help="folder of TFDS data, for every task")
    data.add_argument(
        "--seqio_additional_cache_dirs",
        type=_comma_separated,
        action="extend",
        default=[],
        metavar="DIR,DIR",
        help="folders of cached tasks, as t5x cache writes them; repeat it",
    )
    if shard_flag:
        data.add_argument("--shard_id", type=int, metavar="I", help="which part of the data, instead of gin's shard_id")
    processes = parser.add_argument_group("several processes (GPUs or CPUs; TPU pods need no flag)")
    _add_switch(processes, "--multiprocess_gpu", "join the processes that the cluster (Slurm, Open MPI) started")
    processes.add_argument("--coordinator_address", metavar="HOST:PORT", help="where process 0 listens")
    processes.add_argument("--process_count", type=int, metavar="N", help="how many processes there are")
    processes.add_argument("--process_index", type=int, metavar="I", help="which of them this is, from 0")
    processes.add_argument("--initialization_timeout", type=int, metavar="SECONDS", help="how long to wait")
    parser.add_argument_group("jax", "--jax_NAME=VALUE sets any option of jax, e.g. --jax_debug_nans=true")
    # absl programs take it and launch scripts pass it; messages go to stderr in any case.
    parser.add_argument("--alsologtostderr", action="store_true", help=argparse.SUPPRESS)
    return parser


def _split_jax_flags(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Returns the `--jax_NAME` flags among unknown arguments, and the rest."""
    flags: dict[str, str] = {}
    rest: list[str] = []
    waiting = None
    for argument in arguments:
        if argument.startswith("--jax_"):
            waiting, _, value = argument.removeprefix("--").partition("=")
            flags[waiting] = value or "true"
            waiting = None if value else waiting
        elif waiting and not argument.startswith("--"):
            flags[waiting], waiting = argument, None
        else:
            rest.append(argument)
    return flags, rest


def parse_arguments(parser: FlagParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Returns the parsed flags.

    Raises:
      UserError: an unknown flag, with the nearest names, or a value that does not fit.
    """
    args, unknown = parser.parse_known_args(list(arguments))
    args.jax_flags, unknown = _split_jax_flags(unknown)
    if unknown:
        name = unknown[0].partition("=")[0]
        kind = "flag" if name.startswith("-") else "argument"
        hint = nearest(name, [option for option in parser._option_string_actions if len(option) > 2])
        raise UserError(f"{parser.prog}: unknown {kind} {name!r}.{hint} `{parser.prog} --help` lists the flags.")
    return args
