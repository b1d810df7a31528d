"""What a process needs before it reads data or touches an accelerator: logging, TensorFlow without GPUs, jax's flags,
the other processes of the run, the compilation cache.

Source: T5X's train.py does the same steps; its process flags are for GPUs only, here they also work on CPU.
Effects: environment, loggers, TensorFlow's and jax's global settings.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from t5x.config.compilation_cache import enable_compilation_cache
from t5x.errors import UserError, nearest

# Packages whose INFO messages are shown; of all others only warnings.
OWN_PACKAGES = ("t5x", "flan_mixtures", "prompt_tuning")

# Written to file descriptor 2 while TensorFlow's libraries load, before any log level counts.
_LOADING_NOISE = re.compile(rb"All log messages before absl::InitializeLog|cudart_stub|cuda drivers|cuInit")

# Warnings of libraries about what is meant to be so: packing drops the texts that stand beside the tokens; tasks are
# shuffled after they are read, and a restarted run finds its place in their order again.
_ROUTINE = re.compile(r"will be removed during packing|uncached FunctionDataset for training")


def _is_calm(record: logging.LogRecord) -> bool:
    """Whether a record is worth a line: a warning, or progress of this project's own code."""
    if record.levelno == logging.WARNING and _ROUTINE.search(record.getMessage()):
        return False
    if record.levelno >= logging.WARNING or record.name.partition(".")[0] in OWN_PACKAGES:
        return True
    folders = record.pathname.replace(os.sep, "/").split("/")
    return record.name == "absl" and any(name in folders for name in OWN_PACKAGES)


def set_up_logging() -> None:
    """Sends log messages to stderr: INFO of this project's packages, warnings of everything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's C++ side: errors only
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    handler.addFilter(_is_calm)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)


@contextmanager
def _without_loading_noise() -> Iterator[None]:
    """Holds back what is written to file descriptor 2 and passes on what is not known noise."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            worth = b"".join(line for line in held if not _LOADING_NOISE.search(line))
            os.write(2, worth)


def hide_gpus_from_tensorflow() -> None:
    """Imports TensorFlow and hides the GPUs from it: it only reads data, and would take the memory that jax needs."""
    with _without_loading_noise():
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")


def set_data_folders(tfds_data_dir: str | None, cache_dirs: list[str]) -> None:
    """Tells seqio where TFDS data and cached tasks lie.

    Raises:
      UserError: a local folder that does not exist.
    """
    for flag, folder in [("tfds_data_dir", tfds_data_dir), *(("seqio_additional_cache_dirs", d) for d in cache_dirs)]:
        if folder and "://" not in folder and not os.path.isdir(folder):
            raise UserError(f"--{flag}={folder}: no such folder. Give the one that holds the prepared data.")
    if tfds_data_dir or cache_dirs:
        import seqio

        if tfds_data_dir:
            seqio.set_tfds_data_dir_override(tfds_data_dir)
        if cache_dirs:
            seqio.add_global_cache_dirs(cache_dirs)


def _jax_value(name: str, text: str, current: Any) -> Any:
    """Returns the flag's text as a value of the type that the option has now."""
    words = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(current, bool):
        if text.lower() not in words:
            raise UserError(f"--{name}={text}: write true or false.")
        return words[text.lower()]
    if isinstance(current, int | float):
        try:
            return type(current)(text)
        except ValueError:
            raise UserError(f"--{name}={text}: this option takes a number, now {current}.") from None
    return None if text.lower() == "none" else text


def apply_jax_flags(flags: dict[str, str]) -> None:
    """Sets jax options from `--jax_NAME=VALUE` flags.

    Raises:
      UserError: an option that this jax does not have, or a value that it does not take.
    """
    if not flags:
        return
    import jax

    options = jax.config.values
    for name, text in flags.items():
        if name not in options:
            raise UserError(f"jax has no option --{name}.{nearest(name, options)}")
        try:
            jax.config.update(name, _jax_value(name, text, options[name]))
        except (ValueError, TypeError) as error:
            raise UserError(f"--{name}={text}: jax does not take this value: {str(error).splitlines()[0]}") from None


def start_processes(args: argparse.Namespace) -> None:
    """Joins this process with the others of the run, if flags ask for it; must precede any use of a device.

    Raises:
      UserError: only some of the flags that belong together.
    """
    together = {name: getattr(args, name) for name in ("coordinator_address", "process_count", "process_index")}
    given = {name: value for name, value in together.items() if value is not None}
    if not given and not args.multiprocess_gpu:
        return
    if given and len(given) < len(together):
        absent = ", ".join(f"--{name}" for name in together if name not in given)
        raise UserError(
            f"{', '.join(f'--{name}={value}' for name, value in given.items())} needs {absent} too; or leave all three"
            " out and give --multiprocess_gpu, which asks the cluster (Slurm, Open MPI) for them."
        )
    if given and not 0 <= args.process_index < args.process_count:
        raise UserError(
            f"--process_index={args.process_index} must lie between 0 and {args.process_count - 1}, one less than"
            f" --process_count={args.process_count}."
        )
    import jax

    timeout = {} if args.initialization_timeout is None else {"initialization_timeout": args.initialization_timeout}
    jax.distributed.initialize(args.coordinator_address, args.process_count, args.process_index, **timeout)


def set_up_process(args: argparse.Namespace) -> None:
    """Does everything above for one command, in the order in which it has to happen."""
    hide_gpus_from_tensorflow()
    set_data_folders(args.tfds_data_dir, args.seqio_additional_cache_dirs)
    apply_jax_flags(args.jax_flags)
    enable_compilation_cache()
    if not args.dry_run:
        start_processes(args)
