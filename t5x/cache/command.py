"""`t5x cache`: writes SeqIO's offline cache of tokenised tasks with Apache Beam.

Enters: the arguments after `t5x cache`. Leaves: the exit status; a table of what was written on stdout.
Source: the flags of SeqIO's cache_tasks_main, and gin's as in `t5x train`; the same command runs on this machine or,
with another runner's options, on a cluster. Effects: gin's config, TensorFlow's GPUs, the cache folder.
This file imports neither gin, TensorFlow nor Beam, so that help answers at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import sys
from collections.abc import Sequence

from t5x.config.command_flags import FlagParser, parse_arguments
from t5x.config.gin_flags import rewrite_gin_args
from t5x.errors import UserError

NAME = "cache"
SUMMARY = "Write tasks as tokenised examples to disk with Apache Beam, for runs with USE_CACHED_TASKS=True."
EXAMPLE = "t5x cache --tasks=my_task --module_import=my_tasks --output_cache_dir=cache"


@dataclasses.dataclass(frozen=True)
class CacheCommand:
    """The subcommand, as the command line lists it."""

    name: str = NAME
    summary: str = SUMMARY

    def run(self, arguments: Sequence[str]) -> int:
        """Writes the caches and returns the exit status.

        Raises:
          UserError: a mistake in the flags or the config, a task that cannot be cached, or no apache-beam.
        """
        parser = _parser()
        if "--help" in arguments or "-h" in arguments:
            print(parser.format_help(), end="")
            return 0
        args = parse_arguments(parser, rewrite_gin_args(arguments))
        if not args.tasks or not args.output_cache_dir:
            raise UserError(
                f"t5x cache needs --tasks=NAME,NAME and --output_cache_dir=DIR, e.g. `{EXAMPLE}`. `t5x cache --help` "
                "lists the flags."
            )
        require_beam()
        print(_write(args))
        return 0


def require_beam() -> None:
    """Raises UserError where apache-beam is not installed."""
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(
            "t5x cache runs on Apache Beam, which is not installed here. Install the extra, best in a virtual "
            "environment of its own, since Beam needs older releases of some libraries: pip install -c "
            "constraints-cache.txt -e '.[cache]'. A run that reads a cache does not need it."
        )


def _names(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"write a whole number of at least 1, not {text!r}")
    return int(text)


def _parser() -> FlagParser:
    parser = FlagParser(NAME, f"{SUMMARY} Example: {EXAMPLE}")
    parser.usage = "t5x cache --tasks=NAME,NAME --output_cache_dir=DIR [--gin.NAME=VALUE ...] [flags]"

    def listed(flag: str, metavar: str, text: str, **more: object) -> None:
        parser.add_argument(flag, type=_names, action="extend", default=[], metavar=metavar, help=text, **more)

    listed("--tasks", "NAME,NAME", "names of tasks or mixtures, or regular expressions of tasks; repeat it")
    listed("--excluded_tasks", "NAME,NAME", "names or regular expressions of tasks to leave out")
    listed("--splits", "SPLIT,SPLIT", "only these splits; all of a task by default")
    parser.add_argument("--output_cache_dir", metavar="DIR", help="where the caches go, each in a folder of its task")
    parser.add_argument("--overwrite", action="store_true", help="write a task's cache anew where there is one")
    listed("--module_import", "MODULE,MODULE", "modules that register tasks")
    parser.add_argument("--min_shards", type=_positive, default=64, metavar="N", help="fewest files of a split (64)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of whatever the tasks draw (0)")
    listed(
        "--pipeline_options",
        "OPTION,OPTION",
        "Beam's options, comma separated, for this machine or a cluster, e.g. "
        "--pipeline_options=--runner=DirectRunner,--direct_num_workers=2; repeat it",
    )
    parser.add_argument("--gin_file", action="append", default=[], metavar="FILE", help="gin file; repeat it")
    parser.add_argument("--gin.NAME", dest="unused", metavar="VALUE", help="set a parameter that the tasks read")
    parser.add_argument("--gin_bindings", action="append", default=[], metavar="'NAME = VALUE'", help="the same")
    listed("--gin_search_paths", "DIR,DIR", "where relative names of gin files start")
    parser.add_argument("--tfds_data_dir", metavar="DIR", help="folder of TFDS data, for every task")
    parser.add_argument("--help", "-h", action="store_true", help="this text")
    parser.add_argument("--alsologtostderr", action="store_true", help=argparse.SUPPRESS)
    return parser


def _write(args: argparse.Namespace) -> str:
    """Sets the process up, writes the caches and returns the table."""
    from t5x.config.process_setup import hide_gpus_from_tensorflow, set_data_folders, set_up_logging

    set_up_logging()
    hide_gpus_from_tensorflow()
    set_data_folders(args.tfds_data_dir, [])
    if os.getcwd() not in sys.path:  # modules with tasks beside the config; last, so that they hide nothing
        sys.path.append(os.getcwd())

    from t5x.cache.select import import_modules, select

    # Before gin: what registers tasks also registers what bindings name.
    import_modules(args.module_import)
    tasks = select(args.tasks, args.excluded_tasks)

    import gin
    from t5x.cache.plan import plan
    from t5x.cache.worker_setup import WorkerSetup
    from t5x.cache.write import write
    from t5x.config.parse import parse_gin_flags

    parse_gin_flags(args.gin_search_paths, args.gin_file, args.gin_bindings)
    setup = WorkerSetup(tuple(args.module_import), gin.config_str(), args.tfds_data_dir)
    planned = plan(tasks, args.splits, args.output_cache_dir, args.overwrite, args.min_shards)
    return write(planned, setup, args.seed, _beam_options(args.pipeline_options))


def _beam_options(options: Sequence[str]) -> list[str]:
    """Returns Beam's options one by one: a comma or a space stands before the next one's dashes."""
    return [part for option in options for part in option.split(" ") if part] or ["--runner=DirectRunner"]
