"""The position in the training data travels inside the checkpoint."""

from __future__ import annotations

import pathlib

import jax
import jax.numpy as jnp
import pytest
from states import numpy_state

from t5x.ckpt import layout
from t5x.ckpt.dataset_state import file_prefix, has_dataset_state, restore_dataset_state
from t5x.ckpt.save import CheckpointSaver
from t5x.errors import UserError


class Counter:
    """A data position that is one number, written as tf.train.Checkpoint writes: files that start with a prefix."""

    def __init__(self, position):
        self.position = position

    def save(self, path_prefix):
        pathlib.Path(f"{path_prefix}.index").write_text(str(self.position))

    def restore(self, path_prefix):
        self.position = int(pathlib.Path(f"{path_prefix}.index").read_text())


def test_the_position_is_the_one_at_save_and_commits_with_the_state(tmp_path):
    counter = Counter(41)
    with CheckpointSaver(tmp_path) as saver:
        saver.save(1, jax.tree.map(jnp.asarray, numpy_state(1)), counter)
        counter.position = 99
    path = layout.checkpoint_path(tmp_path, 1)
    assert (path / "dataset" / "train_ds-000-of-001.index").exists()
    assert has_dataset_state(path)
    restored = Counter(0)
    restore_dataset_state(path, restored)
    assert restored.position == 41


def test_a_checkpoint_without_a_position_says_so(tmp_path, shared):
    with CheckpointSaver(tmp_path) as saver:
        saver.save(1, numpy_state(1))
    t5x_file = shared / "data" / "t5x_checkpoints" / "t5_1_1_2layer" / "orbax" / "checkpoint_7"
    for path in (layout.checkpoint_path(tmp_path, 1), t5x_file):
        assert not has_dataset_state(path)
        with pytest.raises(UserError, match="holds no position in the training data"):
            restore_dataset_state(path, Counter(0))


def test_the_names_are_those_of_t5x():
    folder = layout.absolute("/run/checkpoint_1/dataset")
    assert str(file_prefix(folder, 0, 1)) == "/run/checkpoint_1/dataset/train_ds-000-of-001"
    assert str(file_prefix(folder, 2, 4)) == "/run/checkpoint_1/dataset/process_2-of-4/train_ds-002-of-004"


def test_a_position_of_more_processes_is_not_taken_for_ours(tmp_path):
    prefix = file_prefix(layout.absolute(tmp_path) / "dataset", 1, 2)
    prefix.parent.mkdir(parents=True)
    Counter(3).save(prefix)
    with pytest.raises(UserError, match=r"holds the position in the data as process_1-of-2/train_ds-001-of-002"):
        restore_dataset_state(tmp_path, Counter(0))


def test_a_damaged_position_is_a_user_error(tmp_path):
    prefix = file_prefix(layout.absolute(tmp_path) / "dataset", 0, 1)
    prefix.parent.mkdir()
    pathlib.Path(f"{prefix}.index").write_text("not a number")
    with pytest.raises(UserError, match=r"does not fit: it is damaged.*The reader says: invalid literal"):
        restore_dataset_state(tmp_path, Counter(0))


def test_a_position_that_cannot_be_written_leaves_no_checkpoint(tmp_path):
    class Broken(Counter):
        def save(self, path_prefix):
            raise RuntimeError("; No space left on device [Op:SaveV2]")

    with CheckpointSaver(tmp_path) as saver, pytest.raises(UserError, match=r"the disk .*full"):
        saver.save(1, numpy_state(1), Broken(1))
    assert list(tmp_path.iterdir()) == []
