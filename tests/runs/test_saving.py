"""Saving beside training, a disk that fills up, and T5X's own checkpoints as a start."""

from __future__ import annotations

import subprocess
import threading

import pytest
from command import HERE, NO_EVALUATION, rows, snapshot, train_flags
from test_bad_input import the_paragraph

T5X_NETWORK = {
    "network.T5Config.num_encoder_layers": 2,
    "network.T5Config.num_decoder_layers": 2,
}


def test_training_goes_on_while_a_checkpoint_is_written(t5x, tmp_path, monkeypatch):
    from t5x.ckpt import save
    from t5x.report.progress import Progress

    trained = threading.Event()
    seen = []
    write_checksums, step = save.write_checksums, Progress.step

    def write_late(directory):
        seen.append(trained.wait(60))  # the save of step 0 is complete only after this
        write_checksums(directory)

    def note(self, number, scalars=None):
        step(self, number, scalars)
        if number == 2:
            trained.set()

    monkeypatch.setattr(save, "write_checksums", write_late)
    monkeypatch.setattr(Progress, "step", note)
    status, log = t5x(train_flags(tmp_path / "run", *NO_EVALUATION, **{"utils.SaveCheckpointConfig.period": 4}))
    assert status == 0, log
    assert seen == [True, True]
    assert {path.name for path in (tmp_path / "run").glob("checkpoint_*")} == {"checkpoint_0", "checkpoint_4"}


def test_a_disk_that_fills_up_ends_the_run_with_one_paragraph_and_an_intact_checkpoint(t5x, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the permission to mount a small file system")
    try:
        flags = train_flags(disk / "run", *NO_EVALUATION, TRAIN_STEPS=30)
        message = the_paragraph(*t5x(flags))
        assert "full" in message or "No space left" in message, message
        from test_bad_input import arrays_of

        from t5x.ckpt.discovery import latest_step

        latest = latest_step(disk / "run")
        assert latest is not None
        assert arrays_of(disk / "run" / f"checkpoint_{latest}")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_checkpoint_of_t5x_is_finetuned_and_evaluated(t5x, tmp_path, shared):
    theirs = shared / "data" / "t5x_checkpoints" / "t5_1_1_2layer" / "orbax" / "checkpoint_7"
    before = snapshot(theirs)
    run = tmp_path / "run"
    start = {"INITIAL_CHECKPOINT_PATH": theirs, "TRAIN_STEPS": 9} | T5X_NETWORK
    status, log = t5x(train_flags(run, *NO_EVALUATION, **start))
    assert status == 0, log
    assert f"started from {theirs}" in log
    assert [row["step"] for row in rows(run / "train" / "metrics.jsonl") if "loss" in row] == [8, 9]

    for checkpoint, folder in ((theirs, tmp_path / "theirs"), (run / "checkpoint_9", tmp_path / "ours")):
        macros = {
            "MIXTURE_OR_TASK_NAME": "toy_mixture",
            "CHECKPOINT_PATH": checkpoint,
            "EVAL_OUTPUT_DIR": folder,
            "utils.DatasetConfig.split": "validation",
            "utils.DatasetConfig.batch_size": 8,
        }
        files = [f"--gin_file={HERE / 'toy.gin'}", "--gin_file=gin/runs/eval.gin"]
        status, log = t5x(["eval", *files, *(f"--gin.{k}={v}" for k, v in (macros | T5X_NETWORK).items())])
        assert status == 0, log
        step = int(checkpoint.name.split("_")[1])
        results = folder / "inference_eval"
        assert [row["step"] for row in rows(results / "toy_say-metrics.jsonl")] == [step]
        assert len(rows(results / f"toy_sing-{step:06}.jsonl")) == 7
    assert snapshot(theirs) == before
