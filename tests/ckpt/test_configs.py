"""What gin binds, what a run starts from, when it saves."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import jax.numpy as jnp
import pytest
from states import numpy_state

from t5x import checkpoints
from t5x.ckpt import discovery, layout
from t5x.ckpt.config import CheckpointConfig, RestoreCheckpointConfig, SaveCheckpointConfig
from t5x.ckpt.save import CheckpointSaver
from t5x.ckpt.schedule import SaveSchedule
from t5x.ckpt.which import Start, where_to_start
from t5x.errors import UserError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "pretrained"
    with CheckpointSaver(folder) as saver:
        for step in (2, 10):
            saver.save(step, numpy_state(step))
    return folder


def test_the_fields_and_defaults_that_gin_binds_are_those_of_t5x():
    save = {field.name: field.default for field in dataclasses.fields(SaveCheckpointConfig)}
    restore = {field.name: field.default for field in dataclasses.fields(RestoreCheckpointConfig)}
    assert list(save) == [
        "dtype",
        "period",
        "checkpoint_steps",
        "keep",
        "keep_dataset_checkpoints",
        "save_dataset",
        "checkpointer_cls",
        "state_transformation_fns",
        "checkpoint_manager_cls",
    ]
    assert (save["dtype"], save["period"], save["keep"], save["save_dataset"]) == ("float32", None, None, False)
    assert list(restore) == [
        "path",
        "mode",
        "assignment_map",
        "strict",
        "fallback_to_scratch",
        "dtype",
        "restore_dataset",
        "checkpointer_cls",
        "state_transformation_fns",
        "checkpoint_manager_cls",
    ]
    assert [restore[name] for name in ("mode", "strict", "fallback_to_scratch", "dtype")] == [
        "latest",
        True,
        False,
        None,
    ]
    assert CheckpointConfig() == CheckpointConfig(save=None, restore=None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SaveCheckpointConfig(dtype="float23"), r"dtype is 'float23'; choose .*Did you mean 'float32'"),
        (lambda: SaveCheckpointConfig(keep=0), "keep is 0, which would delete every checkpoint"),
        (lambda: SaveCheckpointConfig(period=-5), "period is -5"),
        (lambda: SaveCheckpointConfig(keep_dataset_checkpoints=3), "keep_dataset_checkpoints is 3, which is not supp"),
        (lambda: SaveCheckpointConfig(checkpointer_cls=dict), "checkpointer_cls is .* not supported"),
        (lambda: SaveCheckpointConfig(state_transformation_fns=[print]), "state_transformation_fns"),
        (lambda: RestoreCheckpointConfig(path="x", mode="all"), r"mode is 'all'; supported are 'specific'"),
        (lambda: RestoreCheckpointConfig(path=3), "path is 3; give a path"),
        (lambda: RestoreCheckpointConfig(path="x", fallback_to_scratch=True), "without an assignment_map"),
        (lambda: RestoreCheckpointConfig(path="x", checkpoint_manager_cls=dict), "checkpoint_manager_cls"),
    ],
)
def test_a_value_that_is_not_supported_is_an_error_with_a_sentence(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_a_dtype_may_be_bound_as_a_jax_type():
    assert SaveCheckpointConfig(dtype=jnp.bfloat16).dtype == "bfloat16"
    assert RestoreCheckpointConfig(path="x", dtype=jnp.dtype("float32")).dtype == "float32"


def test_a_run_starts_from_its_own_latest_then_the_config_then_scratch(run, tmp_path):
    warm = RestoreCheckpointConfig(path=str(run))
    assert where_to_start(tmp_path / "new", None) == (Start.SCRATCH, None)
    assert where_to_start(tmp_path / "new", RestoreCheckpointConfig(path=[])) == (Start.SCRATCH, None)
    assert where_to_start(tmp_path / "new", warm) == (Start.WARM_START, run / "checkpoint_10")
    with CheckpointSaver(tmp_path) as saver:
        saver.save(1, numpy_state(1))
    assert where_to_start(tmp_path, warm) == (Start.RESUME, tmp_path / "checkpoint_1")
    (tmp_path / "checkpoint_1" / "_CHECKPOINT_METADATA").unlink()
    assert where_to_start(tmp_path, warm) == (Start.WARM_START, run / "checkpoint_10")


def test_a_specific_checkpoint_and_the_steps_are_the_highest_by_number(run):
    config = RestoreCheckpointConfig(path=f"{run}/checkpoint_2/", mode="specific")
    assert discovery.resolve(config) == [run / "checkpoint_2"]
    assert checkpoints.all_steps(run) == [2, 10]
    assert checkpoints.latest_step(run) == 10
    assert checkpoints.get_checkpoint_dir(run, 10) == run / "checkpoint_10"
    assert checkpoints.latest_step(run / "nothing") is None


@pytest.mark.parametrize(
    ("path", "mode", "message"),
    [
        ("checkpoint_3", "specific", r"no checkpoint at .*checkpoint_3\..*complete checkpoints at step 10, 2"),
        ("", "specific", r"takes the path of one checkpoint.*mode='latest', or name one, e\.g\. .*checkpoint_10"),
        ("checkpoint_2", "latest", r"takes a folder of checkpoints.*mode='specific'"),
        ("checkpoint_2/state", "latest", "holds no complete checkpoint"),
        ("../pretraind", "latest", r"no folder .*Did you mean 'pretrained'"),
        ("../pretraind/checkpoint_2", "specific", r"no checkpoint at .*Did you mean 'pretrained'"),
    ],
)
def test_a_restore_path_that_cannot_be_meant_says_what_is_there(run, path, mode, message):
    config = RestoreCheckpointConfig(path=os.path.normpath(run / path), mode=mode)
    with pytest.raises(UserError, match=message):
        where_to_start(run / "new", config)


def test_several_checkpoints_cannot_be_trained_from(run, tmp_path):
    config = RestoreCheckpointConfig(path=[f"{run}/checkpoint_2", f"{run}/checkpoint_10"], mode="specific")
    assert len(discovery.resolve(config)) == 2
    with pytest.raises(UserError, match="names 2 checkpoints"):
        where_to_start(tmp_path, config)


@pytest.mark.parametrize(
    "path", ["t5_1_1_2layer/legacy_f32/checkpoint_7", "test_t5_1_1_tiny/checkpoint_3", "test_t5_tiny.checkpoint_0"]
)
def test_older_formats_are_found_and_count_as_complete(shared, path):
    path = shared / "data" / "t5x_checkpoints" / path
    step = int(path.name.rpartition("_")[2])
    found = discovery.resolve(RestoreCheckpointConfig(path=str(path), mode="specific"))
    assert found == [path]
    assert layout.step_in_name(found[0]) == step
    if path.is_dir():
        assert discovery.latest_step(path.parent) == step
        assert where_to_start(path.parent, None) == (Start.RESUME, path)


def test_a_tensorflow_checkpoint_is_named(tmp_path):
    prefix = tmp_path / "model.ckpt-1000"
    pathlib.Path(f"{prefix}.index").touch()
    with pytest.raises(UserError, match="TensorFlow"):
        discovery.resolve(RestoreCheckpointConfig(path=str(prefix), mode="specific"))


def test_t5x_files_are_complete(shared):
    folder = shared / "data" / "t5x_checkpoints" / "t5_1_1_2layer" / "orbax"
    assert discovery.all_steps(folder) == [7]
    assert discovery.incomplete_names(folder) == []


def test_unfinished_checkpoints_are_listed(tmp_path):
    for name in ("checkpoint_4.orbax-checkpoint-tmp", "checkpoint_5", "train"):
        (tmp_path / name).mkdir()
    assert discovery.incomplete_names(tmp_path) == ["checkpoint_4.orbax-checkpoint-tmp", "checkpoint_5"]


def test_the_period_counts_from_the_first_step_and_the_last_is_always_saved():
    schedule = SaveSchedule(first_step=7, last_step=30, period=10, checkpoint_steps=(9, 100))
    assert [step for step in range(7, 31) if schedule.is_due(step)] == [7, 9, 17, 27, 30]


def test_extra_steps_need_no_period():
    schedule = SaveSchedule(first_step=0, last_step=20, checkpoint_steps=(5,))
    assert [step for step in range(21) if schedule.is_due(step)] == [0, 5, 20]
    assert [step for step in range(21) if SaveSchedule(0, 20).is_due(step)] == [20]


def test_the_next_save_is_the_next_step_that_is_due():
    schedule = SaveSchedule(first_step=7, last_step=30, period=10, checkpoint_steps=(9, 28))
    due = [step for step in range(7, 31) if schedule.is_due(step)]
    for step in range(7, 30):
        assert schedule.next_after(step) == next(later for later in due if later > step)
