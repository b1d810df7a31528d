"""A command that runs a gin config: `t5x train`, `t5x eval`, `t5x infer`.

Enters: the arguments after the command's name. Leaves: the exit status.
Source: T5X's train.py, eval.py and main.py: flags, then files, then bindings, then one call through gin of the
    function that the files bind as `__main__`'s.
Effects: everything that the called function does; the process's setup; sys.path; attributes of `__main__`.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from t5x.config.command_flags import make_parser, parse_arguments
from t5x.config.gin_flags import PREFIX, rewrite_gin_args
from t5x.config.gin_text import Statement, scan_bindings, scan_files
from t5x.config.help_text import macros_of, required_of_run_files, show
from t5x.config.required_macros import check_text
from t5x.errors import UserError

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class GinCommand:
    """A subcommand whose work is one function that gin files configure.

    Attributes:
      name: as typed after `t5x`.
      summary: one line for the help.
      module: module of the function, imported only when the command runs.
      function: its name, called through gin without arguments.
      output_parameter: its parameter that names the folder of the run.
      run_files: the project's gin files made for it.
      on_main: further names of `module` that gin files expect on `__main__`.
      shard_flag: whether the function has a parameter `shard_id`, which the flag of that name sets.
    """

    name: str
    summary: str
    module: str
    function: str
    output_parameter: str
    run_files: tuple[str, ...]
    on_main: tuple[str, ...] = ()
    shard_flag: bool = False

    def run(self, arguments: Sequence[str]) -> int:
        """Runs the command and returns its exit status.

        Raises:
          UserError: a mistake in the flags, the config, or whatever the function finds.
        """
        parser = make_parser(self.name, self.summary, self.shard_flag)
        if "--help" in arguments or "-h" in arguments:
            show(f"{parser.format_help()}\n{self._macro_help(arguments)}")
            return 0
        args = parse_arguments(parser, rewrite_gin_args(arguments))
        if self.shard_flag and args.shard_id is not None:
            args.gin_bindings.append(f"{self.function}.shard_id = {args.shard_id}")
        if not args.gin_file:
            raise UserError(
                f"t5x {self.name} needs a config: --gin_file=FILE, e.g. --gin_file=gin/models/t5_1_1/small.gin"
                f" --gin_file={self.run_files[-1]}. `t5x {self.name} --help` lists the macros to set."
            )
        # Before the slow imports: do all files exist, and is every required macro set?
        check_text(scan_files(args.gin_file, args.gin_search_paths) + scan_bindings(args.gin_bindings))
        return self._run_config(args)

    def _macro_help(self, arguments: Sequence[str]) -> str:
        bindings = [
            argument.removeprefix(PREFIX).replace("=", " = ", 1)
            for argument in arguments
            if argument.startswith(PREFIX) and "=" in argument
        ]
        others = [argument for argument in arguments if not argument.startswith(PREFIX)]
        args, _ = make_parser(self.name, self.summary, self.shard_flag).parse_known_args(others)
        if args.gin_file:
            return macros_of(args.gin_file, args.gin_search_paths, bindings + args.gin_bindings)
        return required_of_run_files(self.run_files)

    def _run_config(self, args: argparse.Namespace) -> int:
        from t5x.config.process_setup import set_up_logging, set_up_process

        set_up_logging()
        if os.getcwd() not in sys.path:  # modules with tasks beside the config; last, so that they hide nothing
            sys.path.append(os.getcwd())
        set_up_process(args)
        function = self._entry()

        import gin
        from t5x.config.parse import parse_gin_flags

        statements = parse_gin_flags(args.gin_search_paths, args.gin_file, args.gin_bindings)
        self._check(function, statements)
        if args.dry_run:
            show(gin.config_str())
            return 0
        self._call(function)
        return 0

    def _entry(self) -> Callable[..., Any]:
        """Returns the command's function, after placing it where gin files look for it: on `__main__`.

        Under `python -m t5x.train`, `__main__` is a second copy of the module; the files must bind the first.
        """
        module = importlib.import_module(self.module)
        for name in (self.function, *self.on_main):
            setattr(sys.modules["__main__"], name, getattr(module, name))
        return getattr(module, self.function)

    def _check(self, function: Callable[..., Any], statements: Sequence[Statement]) -> None:
        """Raises UserError for what would fail when the function is called; warns of bindings without effect."""
        from t5x.config.reachability import selector_of
        from t5x.config.required_macros import check_parameters
        from t5x.config.unused_bindings import unused_bindings

        if selector_of(function) is None:
            raise UserError(
                f"No gin file binds {self.module}.{self.function}, which t5x {self.name} runs: add a run file, e.g."
                f" --gin_file={self.run_files[-1]}."
            )
        check_parameters(function, statements)
        unused = unused_bindings(function, statements)
        if unused:
            logger.warning("Bindings without effect:\n%s", "\n".join(f"  {item}" for item in unused))

    def _call(self, function: Callable[..., Any]) -> None:
        import gin
        from t5x.config.operative_config import write_operative_config
        from t5x.config.parse_errors import own_words

        try:
            gin.get_configurable(function)()
        except RuntimeError as error:
            # From gin, about something built in the middle of the run; what is built at its start was checked.
            if str(error).startswith("Required bindings for"):
                raise UserError(f"{own_words(error)}. Set each with --gin.NAME.PARAMETER=VALUE.") from None
            raise
        # Written once at the start of the run, and now with what was built later.
        folder = copy.deepcopy(gin.get_bindings(function, resolve_references=False).get(self.output_parameter))
        if isinstance(folder, str | os.PathLike):
            write_operative_config(os.fspath(folder))
