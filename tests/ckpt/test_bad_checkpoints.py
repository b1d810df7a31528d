"""Damaged, foreign, incomplete and unwritable checkpoints: one paragraph each, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from etils import epath
from states import assert_same, numpy_state, template_of

from t5x.ckpt import discovery, layout
from t5x.ckpt.restore import read_tree_metadata, restore
from t5x.ckpt.save import CheckpointSaver
from t5x.errors import UserError


@pytest.fixture
def two_steps(tmp_path):
    with CheckpointSaver(tmp_path) as saver:
        for step in (3, 6):
            saver.save(step, jax.tree.map(jnp.asarray, numpy_state(step)))
    return tmp_path


def _files(path):
    return [file for file in pathlib.Path(path, "state").rglob("*") if file.is_file()]


def _largest(path):
    return max(_files(path), key=lambda file: file.stat().st_size)


def _save_and_wait(saver, step, state):
    saver.save(step, state)
    saver.wait()


def _save_and_divide_by_zero(folder):
    with CheckpointSaver(folder) as saver:
        saver.save(1, numpy_state(1))
        1 / 0  # noqa: B018


def _big_state(step, megabytes=4):
    state = numpy_state(step, {"kernel": (megabytes * 2**18,)})
    return jax.tree.map(jnp.asarray, state)


def test_a_truncated_file_names_the_leaf_and_the_other_checkpoint(two_steps):
    path = layout.checkpoint_path(two_steps, 6)
    file = _largest(path)
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(
        UserError, match=r"checkpoint_6 is damaged: \d of 7 arrays .*(target|param_states)/encoder/.*at step 3"
    ):
        restore(path, template_of(numpy_state(6)))
    assert_same(restore(layout.checkpoint_path(two_steps, 3), template_of(numpy_state(3))), numpy_state(3))


def test_a_single_flipped_bit_is_noticed_or_changes_nothing(two_steps):
    path = layout.checkpoint_path(two_steps, 6)
    file = _largest(path)
    content = file.read_bytes()
    noticed = 0
    for position in np.random.default_rng(0).integers(len(content), size=20):
        changed = bytearray(content)
        changed[position] ^= 1
        file.write_bytes(bytes(changed))
        try:  # the file also holds an index that is no longer used
            assert_same(restore(path, template_of(numpy_state(6))), numpy_state(6))
        except UserError as error:
            noticed += "damaged: 1 of 7 arrays" in str(error)
    assert noticed > 10
    file.write_bytes(content)
    assert_same(restore(path, template_of(numpy_state(6))), numpy_state(6))


def test_damage_to_any_other_file_is_a_user_error_or_harmless(two_steps):
    path = layout.checkpoint_path(two_steps, 6)
    for file in _files(path):
        content = file.read_bytes()
        for damaged in (content[: len(content) // 2], b"\0" * len(content), None):
            file.unlink() if damaged is None else file.write_bytes(damaged)
            try:
                assert_same(restore(path, template_of(numpy_state(6))), numpy_state(6))
            except UserError as error:
                assert "checkpoint_6" in str(error)  # noqa: PT017
            file.write_bytes(content)


def test_an_undamaged_leaf_can_be_read_beside_a_damaged_one(two_steps):
    path = layout.checkpoint_path(two_steps, 6)
    file = _largest(path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    readable = 0
    for name in read_tree_metadata(path):
        part, *_ = name.split("/")
        template = template_of(numpy_state(6))
        try:
            restore(path, {part: template[part]})
            readable += 1
        except UserError:
            continue
    assert readable


def test_another_models_checkpoint_lists_the_differences(two_steps):
    other = numpy_state(6, {"embedding": (64, 48), "kernel": (32, 48), "bias": (48,)})
    with pytest.raises(UserError) as caught:
        restore(layout.checkpoint_path(two_steps, 6), template_of(other))
    message = str(caught.value)
    assert "another model" in message
    assert "2 in the model but not in the checkpoint (" in message
    assert "target/encoder/bias" in message
    assert "2 in the checkpoint but not in the model" in message
    assert "target/encoder/scale" in message
    assert "target/encoder/embedding is [64, 32] in the checkpoint and [64, 48] in the model" in message


def test_an_incomplete_checkpoint_is_never_the_latest(two_steps):
    path = layout.checkpoint_path(two_steps, 6)
    for lost in ("_CHECKPOINT_METADATA", "commit_success.txt", "state/_METADATA", "state/manifest.ocdbt", "dataset"):
        kept = epath.Path(f"{two_steps}/aside")
        (path / lost).rename(kept)
        assert discovery.latest_step(two_steps) == 3
        with pytest.raises(UserError, match=r"checkpoint_6 is not complete: .*at step 3"):
            restore(path, template_of(numpy_state(6)))
        kept.rename(path / lost)
    assert discovery.latest_step(two_steps) == 6
    path.rename(f"{path}.orbax-checkpoint-tmp")
    layout.checkpoint_path(two_steps, 9).mkdir()
    assert discovery.all_steps(two_steps) == [3]


def test_an_incomplete_leftover_of_a_step_is_replaced(two_steps):
    path = layout.checkpoint_path(two_steps, 6)
    (path / "_CHECKPOINT_METADATA").unlink()
    epath.Path(f"{path}.orbax-checkpoint-tmp").mkdir()
    with CheckpointSaver(two_steps) as saver:
        assert not epath.Path(f"{path}.orbax-checkpoint-tmp").exists()
        assert saver.save(6, jax.tree.map(jnp.asarray, numpy_state(8)))
    assert_same(restore(path, template_of(numpy_state(8))), numpy_state(8))


def test_a_folder_with_foreign_files_in_a_checkpoints_place_is_not_deleted(two_steps):
    path = layout.checkpoint_path(two_steps, 9)
    path.mkdir()
    (path / "thesis.tex").write_text("mine")
    with CheckpointSaver(two_steps) as saver, pytest.raises(UserError, match=r"but that holds thesis\.tex"):
        saver.save(9, numpy_state(9))
    assert (path / "thesis.tex").read_text() == "mine"


def test_a_complete_step_is_not_written_again(two_steps):
    with CheckpointSaver(two_steps) as saver:
        assert not saver.save(6, numpy_state(7))
    assert_same(restore(layout.checkpoint_path(two_steps, 6), template_of(numpy_state(6))), numpy_state(6))


def test_only_the_newest_are_kept(tmp_path):
    with CheckpointSaver(tmp_path, keep=2) as saver:
        for step in (1, 2, 10, 9):
            saver.save(step, numpy_state(step))
    assert sorted(os.listdir(tmp_path)) == ["checkpoint_10", "checkpoint_9"]


def test_a_file_size_limit_while_saving_keeps_the_earlier_checkpoints(two_steps):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    saver = CheckpointSaver(two_steps)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
        with pytest.raises(UserError, match=r"step 9 could not be written .*full.* 8\.4 MB.*checkpoint_6"):
            _save_and_wait(saver, 9, _big_state(9))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(os.listdir(two_steps)) == ["checkpoint_3", "checkpoint_6"]
    assert saver.save(9, _big_state(9))  # the saver goes on working once there is room
    saver.close()
    assert discovery.all_steps(two_steps) == [3, 6, 9]


def test_writes_still_under_way_when_a_save_fails_leave_nothing_behind(two_steps, monkeypatch):
    partial = two_steps / "checkpoint_9.orbax-checkpoint-tmp" / "state" / "d"
    writing = threading.Event()

    def straggle():
        for number in range(60):
            partial.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # removed between the two lines
                (partial / str(number)).write_bytes(b"late")
            writing.set()
            time.sleep(0.005)

    def fail(folder):
        straggler.start()
        writing.wait()
        raise OSError(28, "No space left on device")

    straggler = threading.Thread(target=straggle)
    monkeypatch.setattr("t5x.ckpt.save.write_checksums", fail)
    saver = CheckpointSaver(two_steps)
    with pytest.raises(UserError, match="step 9 could not be written"):
        _save_and_wait(saver, 9, numpy_state(9))
    straggler.join()
    saver.close()
    assert sorted(os.listdir(two_steps)) == ["checkpoint_3", "checkpoint_6"]


def test_what_a_failed_save_could_not_remove_goes_when_the_next_save_starts(two_steps):
    with CheckpointSaver(two_steps) as saver:
        (two_steps / "checkpoint_9.orbax-checkpoint-tmp").mkdir()
        saver.save(12, numpy_state(12))
    assert sorted(os.listdir(two_steps)) == ["checkpoint_12", "checkpoint_3", "checkpoint_6"]


def test_a_full_disk_keeps_the_earlier_checkpoints_and_says_what_is_needed(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the permission to mount a small file system")
    try:
        saver = CheckpointSaver(tmp_path)
        saver.save(1, _big_state(1, megabytes=1))
        saver.wait()
        with pytest.raises(UserError, match=r"disk .*full; it needs about 33\.6 MB .*MB is free now.*checkpoint_1\b"):
            _save_and_wait(saver, 2, _big_state(2, megabytes=16))
        assert os.listdir(tmp_path) == ["checkpoint_1"]
        saver.close()
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.fixture
def unprivileged():
    """A folder that others may enter, and a switch to an account that may not write there."""
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    yield folder
    os.seteuid(os.getuid())
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_to_is_reported_at_once(unprivileged):
    if os.getuid():
        pytest.skip("needs the permission to switch to another account")
    saver = CheckpointSaver(unprivileged)
    saver.save(1, numpy_state(1))
    saver.wait()
    os.seteuid(65534)
    with pytest.raises(UserError, match=r"step 2 could not be written .*not permitted.*checkpoint_1\b"):
        saver.save(2, numpy_state(2))
    with pytest.raises(UserError, match="cannot be used for checkpoints"):
        CheckpointSaver(f"{unprivileged}/new")
    os.seteuid(0)
    saver.close()
    assert os.listdir(unprivileged) == ["checkpoint_1"]


def test_a_checkpoint_that_may_not_be_read_is_not_the_latest(unprivileged):
    if os.getuid():
        pytest.skip("needs the permission to switch to another account")
    with CheckpointSaver(unprivileged) as saver:
        saver.save(1, numpy_state(1))
        saver.save(2, numpy_state(2))
    os.chmod(f"{unprivileged}/checkpoint_2", 0o700)
    os.seteuid(65534)
    assert discovery.latest_step(unprivileged) == 1


def test_a_path_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(UserError, match="cannot be used for checkpoints"):
        CheckpointSaver(tmp_path / "model")


def test_the_error_that_ends_a_run_is_shown_before_the_one_of_its_last_save(tmp_path, monkeypatch):
    def fail(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("t5x.ckpt.save.write_checksums", fail)
    with pytest.raises(ZeroDivisionError) as caught:
        _save_and_divide_by_zero(tmp_path)
    assert any("step 1 could not be written" in note for note in caught.value.__notes__)
