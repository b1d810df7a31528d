"""Caches that `t5x cache` writes, and runs that read them. What writes needs apache-beam, the extra `cache`."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest
from command import NO_EVALUATION, PATIENCE_SECONDS, snapshot, start_process, train_flags, trained_steps
from test_bad_input import the_paragraph

needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None,
    reason="apache-beam is not installed: it is the extra `cache`, with exact versions in constraints-cache.txt",
)

# Then `t5x`, in a process where neither of the vocabulary's two ways to make tokens works.
WITHOUT_TOKENISER = """
import sys
import seqio

def refuse(self, text):
    raise AssertionError("the tokeniser was called")

seqio.ByteVocabulary._encode = seqio.ByteVocabulary._encode_tf = refuse
from t5x.main import main
sys.exit(main())
"""


def cache_flags(folder, *more: str) -> list[str]:
    """Returns the arguments that cache the toy task in four files a split."""
    names = ["--tasks=toy_cacheable", "--module_import=toy_tasks", f"--output_cache_dir={folder}", "--min_shards=4"]
    return ["cache", *names, *more]


def cached_run(model_dir, cache, **macros: object) -> list[str]:
    """Returns the arguments that train 5 steps from the cache."""
    values = {"MIXTURE_OR_TASK_NAME": "toy_cacheable", "USE_CACHED_TASKS": True, "TRAIN_STEPS": 5} | macros
    return train_flags(model_dir, *NO_EVALUATION, f"--seqio_additional_cache_dirs={cache}", **values)


def write_by_hand(folder, rows: int) -> None:
    """Writes the train split of the toy task's cache in the layout that SeqIO reads, without Beam."""
    import numpy as np
    import seqio
    import tensorflow as tf

    task = folder / "toy_cacheable"
    task.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(task / "train.tfrecord-00000-of-00001")) as writer:
        for number in range(rows):
            ids = np.arange(5 + number % 3, dtype=np.int32) + 10
            writer.write(seqio.dict_to_tfexample({"inputs": ids, "targets": ids}).SerializeToString())
    features = {name: {"dtype": "int32", "shape": [None]} for name in ("inputs", "targets")}
    info = {"features": features, "num_shards": 1, "seqio_version": seqio.__version__}
    (task / "info.train.json").write_text(json.dumps(info))
    (task / "stats.train.json").write_text(json.dumps({"examples": rows}))
    (task / "COMPLETED").write_text("")


def test_without_beam_the_command_says_what_to_install(t5x, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    message = the_paragraph(*t5x(cache_flags(tmp_path / "cache")))
    assert "Apache Beam" in message
    assert "constraints-cache.txt" in message
    assert not (tmp_path / "cache").exists()


def test_a_run_from_a_cache_never_calls_the_tokeniser(tmp_path):
    write_by_hand(tmp_path / "cache", rows=200)
    log = tmp_path / "log"
    process = start_process(cached_run(tmp_path / "run", tmp_path / "cache"), log, WITHOUT_TOKENISER)
    assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert trained_steps(tmp_path / "run") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_run_whose_data_is_not_cached_says_how_to_cache_it(split, t5x, tmp_path):
    (tmp_path / "cache").mkdir()
    if split == "validation":
        write_by_hand(tmp_path / "cache", rows=1)
    flags = cached_run(tmp_path / "run", tmp_path / "cache", **{"train/utils.DatasetConfig.split": split})
    message = the_paragraph(*t5x(flags))
    for word in ("toy_cacheable", repr(split), str(tmp_path / "cache"), "t5x cache --tasks=toy_cacheable"):
        assert word in message


@needs_beam
@pytest.mark.slow
def test_a_cache_has_the_same_bytes_for_any_number_of_workers_and_can_be_trained_on(tmp_path):
    two = "--pipeline_options=--runner=DirectRunner,--direct_num_workers=2,--direct_running_mode=multi_processing"
    for name, more in {"one": (), "two": (two,)}.items():
        process = start_process(cache_flags(tmp_path / name, *more), tmp_path / "log")
        assert process.wait(PATIENCE_SECONDS) == 0, (tmp_path / "log").read_text()
        assert "207 examples" in (tmp_path / "log").read_text()
    written = snapshot(tmp_path / "one")
    assert written == snapshot(tmp_path / "two")
    assert {f"toy_cacheable/train.tfrecord-0000{i}-of-00004" for i in range(4)} < set(written)

    log = tmp_path / "log"
    process = start_process(cached_run(tmp_path / "run", tmp_path / "one"), log, WITHOUT_TOKENISER)
    assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert trained_steps(tmp_path / "run") == [1, 2, 3, 4, 5]

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").rglob("*")}
    process = start_process(cache_flags(tmp_path / "one"), log)
    assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    assert "every task is cached" in log.read_text()
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "one").rglob("*")}


@needs_beam
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--tasks=toy_cachable"], ["'toy_cacheable'", "--module_import"]),
        (["--tasks=toy_say"], ["toy_say cannot be cached", "CacheDatasetPlaceholder"]),
        (["--tasks=toy_cacheable", "--splits=trian"], ["'train'", "trian"]),
        (["--tasks=toy_cacheable", "--pipeline_options=DirectRunner"], ["'DirectRunner'", "--runner=DirectRunner"]),
        (["--tasks=toy_cacheable", "--module_import=no_such"], ["no_such"]),
    ],
)
def test_a_mistake_in_the_flags_is_one_paragraph_and_writes_nothing(flags, expected, t5x, tmp_path):
    folder = tmp_path / "cache"
    status_and_output = t5x(["cache", "--module_import=toy_tasks", f"--output_cache_dir={folder}", *flags])
    message = the_paragraph(*status_and_output)
    assert all(word in message for word in expected), message
    assert not folder.exists()
