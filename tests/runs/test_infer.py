"""Inference through the command line: files as T5X names them, shards, a run killed and resumed, and mistakes."""

from __future__ import annotations

import random
import signal

import pytest
from command import HERE, PATIENCE_SECONDS, rows, start_process, wait_until
from test_bad_input import the_paragraph
from test_resume import TWO_COMMANDS
from test_saving import T5X_NETWORK

VALIDATION_ROWS, TRAIN_ROWS = 7, 200


@pytest.fixture(scope="session")
def checkpoint(shared):
    return shared / "data" / "t5x_checkpoints" / "t5_1_1_2layer" / "orbax" / "checkpoint_7"


@pytest.fixture
def infer_flags(checkpoint):
    """Makes the arguments of `t5x infer` with the toy model: 7 rows in batches of 8."""

    def flags(output_dir, *more, **macros):
        values = {
            "MIXTURE_OR_TASK_NAME": "toy_say",
            "TASK_FEATURE_LENGTHS": "{'inputs': 32, 'targets': 16}",
            "CHECKPOINT_PATH": checkpoint,
            "INFER_OUTPUT_DIR": output_dir,
            "utils.DatasetConfig.split": "validation",
            "utils.DatasetConfig.batch_size": 8,
        }
        files = [f"--gin_file={HERE / 'toy.gin'}", "--gin_file=gin/runs/infer.gin"]
        return ["infer", *files, *(f"--gin.{k}={v}" for k, v in (values | T5X_NETWORK | macros).items()), *more]

    return flags


def names(folder):
    return {path.name for path in folder.iterdir()}


# Random numbers must not depend on what was done before the kill.
SAMPLING = """
from __gin__ import dynamic_registration
from t5x import decoding
from t5x import models
models.EncoderDecoderModel.decode_fn = @decoding.temperature_sample
decoding.temperature_sample.topk = 0
"""


def test_a_killed_and_resumed_inference_gives_the_bytes_of_one_never_stopped(tmp_path, infer_flags):
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log"
    result = "toy_say-predict_with_aux.jsonl-00000-of-00001"

    sampling = tmp_path / "sampling.gin"
    sampling.write_text(SAMPLING)

    def flags(folder):
        macros = {"infer.mode": "predict_with_aux", "infer.checkpoint_period": 3, "utils.DatasetConfig.split": "train"}
        return infer_flags(folder, f"--gin_file={sampling}", **macros)

    kill_after = random.randrange(0, TRAIN_ROWS // 24 - 2)
    chunk = killed / "tmp-toy_say-00000-of-00001" / f"{result}-chunk{kill_after:05}.COMPLETED"
    process = start_process([*flags(whole), "--", *flags(killed)], log, TWO_COMMANDS)
    wait_until(chunk.exists, process, log)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / result).exists()

    assert start_process(flags(killed), tmp_path / "log2").wait(PATIENCE_SECONDS) == 0, (tmp_path / "log2").read_text()
    assert "going on after" in (tmp_path / "log2").read_text()
    assert (killed / result).read_bytes() == (whole / result).read_bytes()
    inputs = [row["inputs"]["inputs_pretokenized"] for row in rows(killed / result)]
    assert inputs == [f"said {number}" for number in range(TRAIN_ROWS)]
    assert len({row["prediction"] for row in rows(killed / result)}) > TRAIN_ROWS / 2  # it was sampling
    assert names(killed) == names(whole)


@pytest.mark.parametrize("mode", ["predict", "score", "predict_with_aux"])
def test_each_mode_writes_lines_of_the_shape_of_t5x_for_every_task(mode, t5x, tmp_path, infer_flags, shared):
    status, log = t5x(infer_flags(tmp_path, **{"infer.mode": mode, "MIXTURE_OR_TASK_NAME": "toy_mixture"}))
    assert status == 0, log
    golden = rows(shared / "golden" / "t5x_outputs" / "infer" / f"toy-{mode}.jsonl-00000-of-00001")[0]
    for task in ("toy_say", "toy_sing"):
        name = f"{task}-{mode}.jsonl-00000-of-00001"
        ours = rows(tmp_path / name)
        assert len(ours) == VALIDATION_ROWS
        assert list(ours[0]) == list(golden)
        for field, value in golden.items():
            assert type(ours[0][field]) is type(value)
        assert list(ours[0]["inputs"]) == list(golden["inputs"])
        assert ours[0].get("aux", {}).keys() == golden.get("aux", {}).keys()
        assert (tmp_path / f"{name}.COMPLETED").read_bytes() == b""
    assert not list(tmp_path.glob("tmp-*"))
    assert {"config.gin", "operative_config.gin"} <= names(tmp_path)


def test_shards_share_the_rows_and_a_finished_shard_is_not_touched(t5x, tmp_path, infer_flags):
    macros = {"infer.mode": "score", "infer.num_shards": 2}
    for shard in range(2):
        status, log = t5x(infer_flags(tmp_path, f"--shard_id={shard}", **macros))
        assert status == 0, log
    results = [tmp_path / f"toy_say-score.jsonl-0000{shard}-of-00002" for shard in range(2)]
    inputs = [[row["inputs"]["inputs_pretokenized"] for row in rows(path)] for path in results]
    assert inputs == [["said 0", "said 2", "said 4", "said 6"], ["said 1", "said 3", "said 5"]]

    before = results[0].stat().st_mtime_ns
    status, log = t5x(infer_flags(tmp_path, "--shard_id=0", **macros))
    assert status == 0, log
    assert "is complete and stays as it is" in log
    assert results[0].stat().st_mtime_ns == before
    # With more heads the same file of parameters may be read as another model.
    message = the_paragraph(*t5x(infer_flags(tmp_path, "--shard_id=0", **macros, **{"network.T5Config.num_heads": 4})))
    assert "num_heads '2', now '4'" in message
    assert "INFER_OUTPUT_DIR" in message


def test_scores_are_those_the_model_gives_one_example_alone(t5x, tmp_path, infer_flags):
    found = []
    for batch in (8, 16):  # the last batch is filled up; what fills it must not show
        folder = tmp_path / str(batch)
        more = {
            "infer.mode": "score",
            "utils.DatasetConfig.batch_size": batch,
            "utils.RestoreCheckpointConfig.dtype": None,
        }
        status, log = t5x(infer_flags(folder, **more))
        assert status == 0, log
        found.append([row["score"] for row in rows(folder / "toy_say-score.jsonl-00000-of-00001")])
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert len(set(found[0])) == VALIDATION_ROWS


MISTAKES = {
    "task": ({"MIXTURE_OR_TASK_NAME": "toy_sy"}, ["'toy_sy'", "'toy_say'"]),
    "split": ({"utils.DatasetConfig.split": "tset"}, ["'tset'", "'validation'"]),
    "mode": ({"infer.mode": "predictt"}, ["'predictt'", "'predict'"]),
    "checkpoint": ({"CHECKPOINT_PATH": "nowhere/checkpoint_9"}, ["checkpoint_9"]),
    "no checkpoint": ({"CHECKPOINT_PATH": "[]"}, ["CHECKPOINT_PATH"]),
    "batch and mesh": ({"utils.DatasetConfig.batch_size": 12}, ["12", "8 data shards"]),
    "batch of none": ({"utils.DatasetConfig.batch_size": 0}, ["batch_size is 0"]),
    "packed": ({"utils.DatasetConfig.pack": True}, ["pack=False"]),
    "length missing": ({"TASK_FEATURE_LENGTHS": "{'inputs': 32}"}, ["targets", "TASK_FEATURE_LENGTHS"]),
    "shard": ({"infer.shard_id": 2, "infer.num_shards": 2}, ["shard_id is 2", "0 to 1"]),
    "shards": ({"infer.num_shards": 0}, ["num_shards is 0"]),
    "period": ({"infer.checkpoint_period": 0}, ["checkpoint_period is 0"]),
    "shuffle": ({"utils.DatasetConfig.shuffle": True, "utils.DatasetConfig.seed": None}, ["seed", "shuffle=False"]),
    "vocabulary": ({"MIXTURE_OR_TASK_NAME": "toy_other_vocabulary"}, ["ByteVocabulary", "266 ids"]),
    "output vocabulary": ({"infer.output_vocab_feature_name": "target"}, ["'target'", "'targets'"]),
    "other model": ({"network.T5Config.emb_dim": 32}, ["checkpoint_7", "different shape"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_paragraph_and_leaves_no_file(case, t5x, tmp_path, infer_flags):
    macros, expected = MISTAKES[case]
    message = the_paragraph(*t5x(infer_flags(tmp_path / "out", **macros)))
    assert all(word in message for word in expected), message
    assert not (tmp_path / "out").exists()


def test_a_result_that_would_be_overwritten_is_refused(t5x, tmp_path, infer_flags):
    theirs = tmp_path / "toy_say-predict.jsonl-00000-of-00001"
    theirs.write_text("precious")
    assert "would be overwritten" in the_paragraph(*t5x(infer_flags(tmp_path)))
    assert theirs.read_text() == "precious"
