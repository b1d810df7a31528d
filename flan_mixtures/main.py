"""The command line: `flan-mixtures COMMAND ...`, also `python -m flan_mixtures COMMAND ...`.

Enters: command-line arguments. Leaves: the exit status: 0; 1 after a mistake of the user (one paragraph on stderr) and
where `lint` found faults; 2 for arguments that the command does not know; 130 after Ctrl-C.
Each command is a module of `flan_mixtures/commands/` with `add_arguments(parser)` and `run(arguments) -> status`.
Effects: those of the command. A command's module is imported when the command is called, and what it needs of NumPy
and TensorFlow when it runs, so that help answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from t5x.errors import UserError

COMMANDS = {
    "list": "Mixtures, or the tasks they are made of.",
    "show": "Examples of one task, rendered in every style.",
    "preview": "What a mixture will hold, before any data is read.",
    "availability": "Where each task's data is looked for, and whether it is there.",
    "decontaminate": "Finds rows that hold evaluation questions, and writes which to leave out.",
    "lint": "Faults in template files: the package's and your own.",
    "export": "A mixture's examples as files.",
    "explore": "One page to look at a mixture: weights, tasks, examples, what was cut.",
}

# The shell's convention for programs ended by a signal: 128 + its number; SIGINT is 2, SIGPIPE 13.
INTERRUPTED = 130
PIPE_CLOSED = 141

# What gin appends to the message of an error that passes through the function that says where the data folder is.
_ADDED_BY_GIN = "\n  In call to configurable"


def parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Returns the parser of a command line; commands that it does not name have no flags there."""
    whole = argparse.ArgumentParser(
        prog="flan-mixtures",
        description="Look at, check and export instruction-tuning mixtures.",
        epilog="`flan-mixtures COMMAND --help` lists the flags of a command.",
    )
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name in arguments:
            _module(name).add_arguments(command)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status; `arguments` are those of the process unless given."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        parsed = parser(given).parse_args(given)
        status = _module(parsed.command).run(parsed)
        sys.stdout.flush()
        return status
    except UserError as error:
        said = str(error).partition(_ADDED_BY_GIN)[0]
        print(f"error: {' '.join(said.split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough. What is still buffered must go nowhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _module(command: str):
    return importlib.import_module(f"flan_mixtures.commands.{command}")


if __name__ == "__main__":
    sys.exit(main())
