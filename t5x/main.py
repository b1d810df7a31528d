"""The command line: `t5x COMMAND ...`, also `python -m t5x.train ...`.

Enters: command-line arguments. Leaves: the exit status: 0, 2 after a mistake of the user (one paragraph on stderr),
130 after Ctrl-C; a defect of the program keeps its traceback.
Source: T5X's scripts and main.py, whose flags all work; a new command is one entry of COMMANDS.
Effects: those of the command. This file imports neither gin, jax nor TensorFlow, so that help answers at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import t5x
from t5x.benchmark.command import BenchmarkCommand
from t5x.cache.command import CacheCommand
from t5x.config.gin_command import GinCommand
from t5x.config.help_text import required_of_run_files, show
from t5x.errors import UserError, nearest

# Each has a name, a one-line summary and run(arguments) -> exit status.
COMMANDS = {
    command.name: command
    for command in (
        GinCommand(
            name="train",
            summary="Pretrain or finetune a model as gin files describe; an interrupted run goes on where it stopped.",
            module="t5x.train",
            function="train",
            output_parameter="model_dir",
            run_files=("gin/runs/pretrain.gin", "gin/runs/finetune.gin"),
        ),
        GinCommand(
            name="eval",
            summary="Evaluate checkpoints on a task or mixture as gin files describe.",
            module="t5x.eval",
            function="evaluate",
            output_parameter="output_dir",
            run_files=("gin/runs/eval.gin",),
        ),
        GinCommand(
            name="infer",
            summary="Predict or score a whole data set as gin files describe; a killed run goes on where it stopped.",
            module="t5x.infer",
            function="infer",
            output_parameter="output_dir",
            run_files=("gin/runs/infer.gin",),
            shard_flag=True,
        ),
        BenchmarkCommand(),
        CacheCommand(),
    )
}

# Appended by gin to the message of an exception that passed through it.
_ADDED_BY_GIN = re.compile(r"\n\s+(?:In call to configurable|No values supplied by Gin|In file \"|In bindings string)")

# The shell's convention for a program ended by SIGINT: 128 + 2.
INTERRUPTED = 130


def help_text() -> str:
    """Returns the text of `t5x --help`."""
    width = max(map(len, COMMANDS))
    rows = [f"  {name.ljust(width)}  {command.summary}" for name, command in COMMANDS.items()]
    run_files = [file for command in COMMANDS.values() for file in getattr(command, "run_files", ())]
    return "\n".join(
        [
            "usage: t5x COMMAND [flags]     t5x COMMAND --help lists the flags     t5x --version",
            "",
            *rows,
            "",
            required_of_run_files(run_files),
            "",
            "`t5x COMMAND --gin_file=FILE --help` lists the macros of FILE and of all it includes.",
        ]
    )


def run_command(arguments: Sequence[str]) -> int:
    """Runs the command named by the first argument and returns its exit status.

    Raises:
      UserError: no such command, or a mistake that the command found.
    """
    # T5X's own main.py takes the command as a flag.
    modes = [argument for argument in arguments if argument.startswith("--run_mode=")]
    if modes:
        arguments = [modes[0].partition("=")[2], *(item for item in arguments if item not in modes)]
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("--help", "-h", "help"):
        show(help_text())
        return 0
    if name == "--version":
        print(f"t5x {t5x.__version__}")
        return 0
    if name not in COMMANDS:
        raise UserError(
            f"t5x has no command {name!r}.{nearest(name, COMMANDS)} Commands: {', '.join(COMMANDS)}; `t5x --help` says"
            " more."
        )
    return COMMANDS[name].run(rest)


def paragraph(error: UserError) -> str:
    """Returns the error's own words, without the calls that gin appended, as one paragraph."""
    return " ".join(_ADDED_BY_GIN.split(str(error), maxsplit=1)[0].split())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status; `arguments` are those of the process unless given."""
    try:
        return run_command(sys.argv[1:] if arguments is None else arguments)
    except UserError as error:
        print(f"error: {paragraph(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def run_module(command: str) -> None:
    """Runs `command` with the process's arguments and exits: the last line of `python -m t5x.train` and its like."""
    sys.exit(main([command, *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
