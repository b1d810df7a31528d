"""The command: flags in, a table out.

Enters: the arguments after `t5x benchmark`. Leaves: the exit status; the table on stdout.
Source: the flags of gin configs are those of `t5x train`. Effects: gin's config, the clock, stdout, the CPU or GPU.
This file imports neither gin nor jax, so that help answers at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Sequence

from t5x.config.command_flags import FlagParser, parse_arguments
from t5x.config.gin_flags import rewrite_gin_args
from t5x.errors import UserError

NAME = "benchmark"
SUMMARY = "Time training, evaluation and decoding of the network that gin files describe."
REFERENCE = "gin/networks/benchmark_reference.gin"


@dataclasses.dataclass(frozen=True)
class BenchmarkCommand:
    """The subcommand, as the command line lists it."""

    name: str = NAME
    summary: str = SUMMARY

    def run(self, arguments: Sequence[str]) -> int:
        """Runs the benchmark and returns the exit status.

        Raises:
          UserError: a mistake in the flags or in the config.
        """
        parser = _parser()
        if "--help" in arguments or "-h" in arguments:
            print(parser.format_help(), end="")
            return 0
        args = parse_arguments(parser, rewrite_gin_args(arguments))
        if not args.gin_file:
            raise UserError(f"t5x benchmark needs a network: --gin_file=FILE, e.g. --gin_file={REFERENCE}.")
        print(_report(args))
        return 0


def _parser() -> FlagParser:
    parser = FlagParser(NAME, f"{SUMMARY} Example: t5x benchmark --gin_file={REFERENCE} --compare_hf")
    parser.add_argument("--gin_file", action="append", default=[], metavar="FILE", help="network; repeat it")
    parser.add_argument(
        "--gin.NAME", dest="unused", metavar="VALUE", help="set a parameter, e.g. --gin.network.T5Config.emb_dim=512"
    )
    parser.add_argument("--gin_bindings", action="append", default=[], metavar="'NAME = VALUE'", help="the same")
    parser.add_argument("--gin_search_paths", type=lambda text: text.split(","), default=[], metavar="DIR,DIR")
    sizes = (
        ("--batch_size", 16, "examples of a batch"),
        ("--input_length", 128, "tokens of an input"),
        ("--target_length", 16, "tokens of a target, and of what is decoded"),
        ("--microbatches", 1, "pieces a batch is cut into"),
        ("--num_partitions", 1, "devices that share one model"),
        ("--repeats", 10, "measurements of each kind"),
    )
    for flag, default, text in sizes:
        parser.add_argument(flag, type=_positive, default=default, metavar="N", help=f"{text} (default {default})")
    parser.add_argument(
        "--padding_fraction",
        type=_fraction,
        default=0.0,
        metavar="X",
        help="share of each example that is padding (default 0)",
    )
    parser.add_argument(
        "--compare_hf", action="store_true", help="time Hugging Face's T5 of the same shape on torch, in turn"
    )
    parser.add_argument(
        "--memory", action="store_true", help="peak memory of the loss, in chunks and whole; compiles, computes nothing"
    )
    parser.add_argument("--help", "-h", action="store_true", help="this text")
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"write a whole number above 0, not {text!r}")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"write a number from 0 to below 1, not {text!r}")
    return value


def _report(args: argparse.Namespace) -> str:
    from t5x.benchmark import memory, report
    from t5x.benchmark.hugging_face import check_available
    from t5x.benchmark.measure import measure
    from t5x.benchmark.workload import Shape, Workload, network_from_gin
    from t5x.config.parse import parse_gin_flags
    from t5x.config.process_setup import set_up_logging

    set_up_logging()
    # One line that XLA's table of machines writes, and nothing of ours.
    logging.getLogger("jax").setLevel(logging.ERROR)
    if args.compare_hf:
        check_available()
    parse_gin_flags(args.gin_search_paths, args.gin_file, args.gin_bindings)
    network = network_from_gin()
    shape = Shape(args.batch_size, args.input_length, args.target_length, args.padding_fraction)
    if args.memory:
        return report.memory_table(network.config, shape, memory.loss_memory(network.config, shape))
    workload = Workload(network, shape, args.microbatches, args.num_partitions)
    return report.speed_table(workload, measure(workload, args.repeats, args.compare_hf))
