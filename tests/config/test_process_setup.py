"""Flags for jax, for several processes and for data folders: what is accepted and what is refused."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys

import jax
import pytest

from t5x.config.command_flags import make_parser, parse_arguments
from t5x.config.process_setup import _is_calm, apply_jax_flags, set_data_folders, start_processes
from t5x.errors import UserError


def parsed(*arguments: str):
    """Returns the flags of `t5x train` with these arguments."""
    return parse_arguments(make_parser("train", ""), arguments)


def test_repeated_files_and_bindings_are_kept_in_order():
    args = parsed("--gin_file=a.gin", "--gin_bindings=A = 1", "--gin_file", "b.gin", "--gin_search_paths=x,y")
    assert (args.gin_file, args.gin_bindings, args.gin_search_paths) == (["a.gin", "b.gin"], ["A = 1"], ["x", "y"])


def test_switches_stand_alone_or_take_a_value():
    assert parsed("--dry_run").dry_run is True
    assert parsed("--dry_run=False").dry_run is False
    with pytest.raises(UserError, match="write true or false"):
        parsed("--dry_run=perhaps")


def test_jax_flags_are_collected_with_and_without_equals_sign():
    flags = parsed("--jax_platforms", "cpu", "--jax_debug_nans", "--jax_log_compiles=false").jax_flags
    assert flags == {"jax_platforms": "cpu", "jax_debug_nans": "true", "jax_log_compiles": "false"}


def test_an_unknown_flag_names_the_nearest():
    with pytest.raises(UserError, match=r"unknown flag '--gin_files'\. Did you mean '--gin_file'"):
        parsed("--gin_files=a.gin")


def test_a_jax_flag_sets_the_option_with_its_own_type():
    before = jax.config.jax_debug_nans
    try:
        apply_jax_flags({"jax_debug_nans": "true"})
        assert jax.config.jax_debug_nans is True
    finally:
        jax.config.update("jax_debug_nans", before)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"jax_debug_nan": "true"}, "Did you mean 'jax_debug_nans'"),
        ({"jax_debug_nans": "maybe"}, "write true or false"),
        ({"jax_default_matmul_precision": "sloppy"}, "jax does not take this value"),
        ({"jax_persistent_cache_min_compile_time_secs": "soon"}, "takes a number"),
    ],
)
def test_a_jax_flag_that_jax_does_not_know_or_take_is_refused(flags, message):
    with pytest.raises(UserError, match=message):
        apply_jax_flags(flags)


def test_process_flags_that_belong_together_are_asked_for_together():
    with pytest.raises(UserError, match="needs --coordinator_address, --process_index too"):
        start_processes(parsed("--process_count=2"))
    with pytest.raises(UserError, match="must lie between 0 and 1"):
        start_processes(parsed("--process_count=2", "--process_index=2", "--coordinator_address=localhost:1"))


def test_a_data_folder_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="--tfds_data_dir=/absent: no such folder"):
        set_data_folders("/absent", [])


@pytest.mark.parametrize(
    ("name", "level", "path", "shown"),
    [
        ("t5x.ckpt.save", logging.INFO, "/x/t5x/ckpt/save.py", True),
        ("absl", logging.INFO, "/x/t5x/train.py", True),
        ("absl", logging.INFO, "/x/site-packages/seqio/evaluation.py", False),
        ("absl", logging.WARNING, "/x/site-packages/seqio/evaluation.py", True),
        ("orbax", logging.INFO, "/x/orbax/a.py", False),
    ],
)
def test_the_log_shows_this_project_and_the_warnings_of_others(name, level, path, shown):
    assert _is_calm(logging.LogRecord(name, level, path, 1, "message", None, None)) is shown


def test_a_routine_warning_of_a_library_is_not_shown():
    text = "Features not in `features_length` will be removed during packing: {'inputs_pretokenized'}"
    assert not _is_calm(logging.LogRecord("absl", logging.WARNING, "/x/seqio/f.py", 1, text, None, None))


TWO_PROCESSES = """
import sys
from t5x.config.command_flags import make_parser, parse_arguments
from t5x.config.process_setup import start_processes
start_processes(parse_arguments(make_parser("train", ""), sys.argv[1:]))
import jax
from jax.experimental import multihost_utils
indices = multihost_utils.process_allgather(jax.numpy.int32(jax.process_index()))
print(sorted(indices.tolist()), jax.process_count())
"""


def test_two_processes_on_cpu_find_each_other(root):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    flags = [f"--coordinator_address=localhost:{port}", "--process_count=2", "--initialization_timeout=60"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES, *flags, f"--process_index={index}"],
            env=environment | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [text.splitlines()[-1] for text in outputs] == ["[0, 1] 2", "[0, 1] 2"]
