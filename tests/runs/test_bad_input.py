"""Mistakes of a user end a run with one paragraph and exit status 2, and change nothing that was there."""

from __future__ import annotations

import pytest
from command import NO_EVALUATION, PATIENCE_SECONDS, rows, snapshot, start_process, train_flags

EARLY = {
    "unknown task": ({"MIXTURE_OR_TASK_NAME": "toy_mixtur"}, (), ["'toy_mixtur'", "'toy_mixture'"]),
    "missing macro": ({"TRAIN_STEPS": "%gin.REQUIRED"}, (), ["TRAIN_STEPS"]),
    "misspelt parameter": ({}, ("--gin.train.totl_steps=3",), ["totl_steps", "total_steps"]),
    "batch and mesh": ({"BATCH_SIZE": 12}, (), ["12", "8 data shards", "such as 8"]),
    "other vocabulary": ({"MIXTURE_OR_TASK_NAME": "toy_other_vocabulary"}, (), ["ByteVocabulary", "266 ids"]),
    "small embedding": ({"MODEL_VOCABULARY_SIZE": 128}, (), ["128", "vocab_size"]),
    "length": ({"TASK_FEATURE_LENGTHS": "{'inputs': 32, 'targets': 1}"}, (), ["'targets'", "length of 1"]),
    "length missing": ({"TASK_FEATURE_LENGTHS": "{'inputs': 32}"}, (), ["targets", "TASK_FEATURE_LENGTHS"]),
    "packed evaluation": ({"infer_eval/utils.DatasetConfig.pack": True}, (), ["pack=False"]),
    "unknown split": ({"train/utils.DatasetConfig.split": "trian"}, (), ["'trian'", "'train'"]),
    "partitions": ({"partitioning.PjitPartitioner.num_partitions": 3}, (), ["3", "1, 2, 4, 8"]),
}
LATER = {
    "microbatches": ({"trainer.Trainer.num_microbatches": 3}, ["num_microbatches 3", "one of 1"]),
    "other data": ({"MIXTURE_OR_TASK_NAME": "toy_say"}, ["position", "checkpoint_4", "MODEL_DIR"]),
    "other model": ({"network.T5Config.emb_dim": 32}, ["checkpoint_4", "different shape", "MODEL_DIR"]),
    "fewer steps": ({"TRAIN_STEPS": 3}, ["step 3", "step 4", "TRAIN_STEPS"]),
}


def the_paragraph(status: int, output: str) -> str:
    """Returns the last line of the output, having checked that it is an error in one paragraph."""
    assert status == 2, output
    assert "Traceback" not in output
    last = output.rstrip("\n").splitlines()[-1]
    assert last.startswith("error: "), output
    return last


@pytest.mark.parametrize("case", EARLY)
def test_a_mistake_in_the_config_is_one_paragraph(case, t5x, finished_run):
    macros, more, expected = EARLY[case]
    before = snapshot(finished_run)
    message = the_paragraph(*t5x(train_flags(finished_run, *more, **macros)))
    assert all(word in message for word in expected), message
    assert snapshot(finished_run) == before


@pytest.mark.parametrize("case", LATER)
def test_a_mistake_seen_in_data_or_checkpoints_changes_nothing(case, t5x, finished_run):
    macros, expected = LATER[case]
    before = snapshot(finished_run)
    message = the_paragraph(*t5x(train_flags(finished_run, *NO_EVALUATION, **({"TRAIN_STEPS": 6} | macros))))
    assert all(word in message for word in expected), message
    assert snapshot(finished_run) == before


@pytest.mark.parametrize(
    ("task", "expected"), [("toy_none", "is empty"), ("toy_without_targets", "nothing of the targets is left")]
)
def test_data_of_which_nothing_is_left_is_one_paragraph(task, expected, t5x, tmp_path):
    flags = train_flags(tmp_path / "run", *NO_EVALUATION, MIXTURE_OR_TASK_NAME=task)
    message = the_paragraph(*t5x(flags))
    assert repr(task) in message
    assert expected in message
    assert snapshot(tmp_path / "run") == {}


def test_a_missing_checkpoint_to_start_from_is_named(t5x, tmp_path, finished_run):
    path = finished_run / "checkpoint_3"
    flags = train_flags(tmp_path / "new", *NO_EVALUATION, INITIAL_CHECKPOINT_PATH=path)
    message = the_paragraph(*t5x(flags))
    assert str(path) in message
    assert "step 4, 2, 0" in message


def test_a_damaged_checkpoint_names_the_leaf(t5x, finished_run):
    data = max((finished_run / "checkpoint_4" / "state").rglob("d/*"), key=lambda path: path.stat().st_size)
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 0xFF
    data.write_bytes(content)
    before = snapshot(finished_run)
    message = the_paragraph(*t5x(train_flags(finished_run, *NO_EVALUATION, TRAIN_STEPS=6)))
    assert "checkpoint_4" in message
    assert "target/" in message or "state/" in message, message
    assert snapshot(finished_run) == before


@pytest.mark.parametrize(
    ("learning_rate", "expected"),
    [
        pytest.param(1e25, "the loss is", id="loss"),
        pytest.param(1e39, "hold NaN or infinity", id="state", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_diverges_stops_and_saves_no_nan(t5x, finished_run, learning_rate, expected):
    before = snapshot(finished_run / "checkpoint_4")
    rate = {"utils.create_learning_rate_scheduler.base_learning_rate": learning_rate}
    flags = train_flags(finished_run, *NO_EVALUATION, TRAIN_STEPS=8, **rate, **{"utils.SaveCheckpointConfig.period": 1})
    message = the_paragraph(*t5x(flags))
    assert expected in message
    assert "last checkpoint is intact" in message
    assert snapshot(finished_run / "checkpoint_4") == before
    from t5x.ckpt.discovery import all_steps
    from t5x.finite import names_not_finite

    for step in all_steps(finished_run):
        assert names_not_finite(arrays_of(finished_run / f"checkpoint_{step}")) == []


def arrays_of(checkpoint):
    """The arrays of a checkpoint, by name."""
    import jax

    from t5x.ckpt.names import unflatten
    from t5x.ckpt.restore import read_tree_metadata, restore

    metadata = read_tree_metadata(checkpoint)
    return restore(
        checkpoint, unflatten({name: jax.ShapeDtypeStruct(shape, dtype) for name, (shape, dtype) in metadata.items()})
    )


def test_a_mixture_with_a_task_that_yields_nothing_is_explained_instead_of_searched_for_ever(tmp_path):
    program = "from t5x.data import train_iterator; train_iterator.PATIENCE_SECONDS = 1; "
    program += "import sys; from t5x.main import main; sys.exit(main())"
    log = tmp_path / "log"
    flags = train_flags(tmp_path / "run", *NO_EVALUATION, MIXTURE_OR_TASK_NAME="toy_partly_too_long")
    status = start_process(flags, log, program).wait(PATIENCE_SECONDS)
    message = the_paragraph(status, log.read_text())
    assert "No example of 'toy_too_long' of the mixture 'toy_partly_too_long'" in message
    assert not list((tmp_path / "run").iterdir())


def test_evaluation_of_a_checkpoint_that_does_not_exist_is_one_paragraph(t5x, tmp_path):
    from command import HERE

    files = [f"--gin_file={HERE / 'toy.gin'}", "--gin_file=gin/runs/eval.gin"]
    macros = {"MIXTURE_OR_TASK_NAME": "toy_say", "CHECKPOINT_PATH": tmp_path / "checkpoint_9"}
    flags = [f"--gin.{name}={value}" for name, value in (macros | {"EVAL_OUTPUT_DIR": tmp_path / "out"}).items()]
    message = the_paragraph(*t5x(["eval", *files, *flags, "--gin.utils.DatasetConfig.split=validation"]))
    assert "checkpoint_9" in message
    assert not rows(tmp_path / "out" / "inference_eval" / "toy_say-metrics.jsonl")
