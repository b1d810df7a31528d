"""The files of a shard of an inference: which chunks count, what is merged, and whose results are left alone."""

from __future__ import annotations

import json

import pytest
from etils import epath

from t5x.data.inference_chunks import ShardFiles, merge_chunks_to_file
from t5x.errors import UserError

SETTINGS = {"checkpoint": "run/checkpoint_1", "batch_size": 8, "checkpoint_period": 2, "lengths": {"inputs": 4}}


@pytest.fixture
def files(tmp_path):
    return ShardFiles(epath.Path(tmp_path) / "out", "task", "predict", 3, 8)


def write(files, number, text, complete=True):
    files.chunk(number).write_text(text)
    if complete:
        files.complete_chunk(number)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_names_are_those_of_t5x(files):
    assert files.result.name == "task-predict.jsonl-00003-of-00008"
    assert files.chunk(7).name == "task-predict.jsonl-00003-of-00008-chunk00007"
    assert files.chunk(7).parent.name == "tmp-task-00003-of-00008"


def test_a_chunk_counts_only_with_its_marker_and_all_before_it(files):
    files.start(SETTINGS)
    assert files.complete_chunks() == 0
    write(files, 1, "b\n")
    assert files.complete_chunks() == 0
    write(files, 0, "a\n", complete=False)
    assert files.complete_chunks() == 0
    files.complete_chunk(0)
    assert files.complete_chunks() == 2


def test_a_start_removes_what_was_cut_off_and_keeps_what_is_done(files):
    files.start(SETTINGS)
    write(files, 0, "a\n")
    write(files, 1, "half a li", complete=False)
    write(files, 2, "left over\n")
    files.start(SETTINGS)
    assert names(files.folder) == [files.chunk(0).name, files.chunk(0).name + ".COMPLETED"]


def test_chunks_are_merged_in_order_and_nothing_else_is_left(files):
    files.start(SETTINGS)
    for number in range(11):  # 10 comes after 9, not after 1
        write(files, number, f"{number}\n")
    files.finish(11, merge_chunks_to_file)
    assert files.result.read_text() == "".join(f"{number}\n" for number in range(11))
    assert names(files.output_dir) == [files.settings_file.name, files.result.name, files.result.name + ".COMPLETED"]
    assert files.is_complete


def test_unmerged_chunks_stay_as_the_result(files):
    files.start(SETTINGS)
    write(files, 0, "a\n")
    write(files, 1, "b\n")
    files.finish(2, None)
    assert files.is_complete
    assert not files.folder.exists()
    assert not files.result.exists()
    assert [(files.output_dir / files.chunk(n).name).read_text() for n in range(2)] == ["a\n", "b\n"]


def test_a_shard_without_rows_gives_an_empty_file(files):
    files.start(SETTINGS)
    files.finish(0, merge_chunks_to_file)
    assert files.is_complete
    assert files.result.read_bytes() == b""


def test_another_mode_of_the_same_shard_keeps_its_chunks(files):
    other = ShardFiles(files.output_dir, "task", "score", 3, 8)
    for each in (files, other):
        each.start(SETTINGS)
        write(each, 0, "a\n")
    files.finish(1, merge_chunks_to_file)
    assert other.complete_chunks() == 1
    other.finish(1, merge_chunks_to_file)
    assert not other.folder.exists()


@pytest.mark.parametrize("finished", [False, True])
def test_results_of_another_checkpoint_are_refused_by_name(files, finished):
    files.start(SETTINGS)
    write(files, 0, "a\n")
    if finished:
        files.finish(1, merge_chunks_to_file)
    files.check_settings(SETTINGS)
    with pytest.raises(UserError, match="checkpoint 'run/checkpoint_1', now 'run/checkpoint_2'"):
        files.check_settings(SETTINGS | {"checkpoint": "run/checkpoint_2"})


def test_another_size_of_chunk_matters_only_while_chunks_are_left(files):
    files.start(SETTINGS)
    files.check_settings(SETTINGS | {"batch_size": 16})
    write(files, 0, "a\n")
    with pytest.raises(UserError, match="batch_size 8, now 16"):
        files.check_settings(SETTINGS | {"batch_size": 16})
    files.finish(1, merge_chunks_to_file)
    files.check_settings(SETTINGS | {"batch_size": 16})


def test_a_file_that_nobody_marked_as_finished_is_not_overwritten(files):
    files.output_dir.mkdir(parents=True)
    files.result.write_text("precious")
    with pytest.raises(UserError, match="would be overwritten"):
        files.check_settings(SETTINGS)


def test_chunks_of_unknown_origin_are_refused(files):
    files.start(SETTINGS)
    write(files, 0, "a\n")
    files.settings_file.unlink()
    with pytest.raises(UserError, match="nothing says which model"):
        files.check_settings(SETTINGS)


def test_a_finished_result_of_t5x_is_left_alone(files):
    files.output_dir.mkdir(parents=True)
    files.result.write_text("theirs")
    (files.output_dir / (files.result.name + ".COMPLETED")).touch()
    files.check_settings(SETTINGS)
    assert files.is_complete


def test_damaged_settings_are_named(files):
    files.start(SETTINGS)
    write(files, 0, "a\n")
    assert json.loads(files.settings_file.read_text()) == SETTINGS
    files.settings_file.write_text("{")
    with pytest.raises(UserError, match=r"settings-task-predict-00003-of-00008\.json"):
        files.check_settings(SETTINGS)
