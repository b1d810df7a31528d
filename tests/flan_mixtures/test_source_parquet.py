"""Parquet files and the folders of Hugging Face's `datasets` are read by number, without that library."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from flan_mixtures.sources import table_cache
from flan_mixtures.sources.make_source import make_source
from t5x.errors import UserError

ROWS = [
    {"text": f"row {i} é 東\n", "label": i % 3, "choices": {"text": ["a", "b"], "n": [i]}, "none": None}
    for i in range(50)
]


def write_parquet(path, rows, group=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=group)


def write_saved(folder, rows, files=2):
    """Writes what `Dataset.save_to_disk` leaves."""
    folder.mkdir(parents=True)
    table, names = pa.Table.from_pylist(rows), []
    for number in range(files):
        part = table.slice(number * len(rows) // files, len(rows) // files)
        names.append(f"data-{number:05}-of-{files:05}.arrow")
        with pa.OSFile(str(folder / names[-1]), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(part, max_chunksize=4)
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


def test_rows_of_several_files_and_row_groups_come_by_number_in_any_order(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00002.parquet", ROWS[:30])
    write_parquet(tmp_path / "train-00001-of-00002.parquet", ROWS[30:])
    source = make_source({"kind": "parquet", "files": {"train": str(tmp_path / "train-*.parquet")}})
    assert source.missing() is None
    records = source.open("train")
    assert len(records) == 50
    assert [records[i] for i in (49, 29, 30, 0, 7, -1)] == [ROWS[i] for i in (49, 29, 30, 0, 7, 49)]
    assert list(records) == ROWS
    with pytest.raises(IndexError):
        records[50]


def test_row_groups_are_read_when_asked_for_and_the_oldest_are_let_go(tmp_path, monkeypatch):
    write_parquet(tmp_path / "a.parquet", ROWS)
    monkeypatch.setattr(table_cache, "_tables", type(table_cache._tables)())
    monkeypatch.setattr(table_cache, "_bytes", 0)
    records = make_source({"kind": "parquet", "files": {"train": str(tmp_path / "a.parquet")}}).open("train")
    assert not table_cache._tables
    assert records[0] == ROWS[0]
    assert len(table_cache._tables) == 1
    monkeypatch.setattr(table_cache, "_MOST_BYTES", 2 * table_cache.cached_bytes())
    assert list(records) == ROWS
    assert table_cache.cached_bytes() <= table_cache._MOST_BYTES
    assert 1 <= len(table_cache._tables) <= 2


def test_a_missing_or_broken_parquet_file_is_said(tmp_path):
    absent = make_source({"kind": "parquet", "files": {"train": str(tmp_path / "train-*.parquet")}})
    assert absent.missing() == f"no file {tmp_path / 'train-*.parquet'}"
    with pytest.raises(UserError, match="There is no parquet file"):
        absent.open("train")
    (tmp_path / "train-0.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(UserError, match=r"train-0\.parquet: is no whole parquet file"):
        absent.open("train")


def test_a_saved_dataset_dict_is_read_and_labels_are_integers(tmp_path):
    write_saved(tmp_path / "d" / "train", ROWS)
    write_saved(tmp_path / "d" / "validation", ROWS[:4], files=1)
    (tmp_path / "d" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
    source = make_source({"kind": "hf", "path": str(tmp_path / "d")})
    assert source.splits == ("train", "validation")
    assert list(source.open("train")) == ROWS
    assert source.open("train")[26] == ROWS[26]
    assert source.open("validation")[1]["label"] == 1
    with pytest.raises(UserError, match="no split 'test'"):
        source.open("test")


def test_a_saved_dataset_alone_is_the_split_train(tmp_path):
    write_saved(tmp_path / "d", ROWS)
    source = make_source({"kind": "hf", "path": str(tmp_path / "d")})
    assert source.splits == ("train",)
    assert source.open("train")[25] == ROWS[25]


def test_many_arrow_files_hold_no_descriptors(tmp_path):
    opened = []
    for number in range(60):
        write_saved(tmp_path / str(number), ROWS)
    before = len(os.listdir("/proc/self/fd"))
    opened = [make_source({"kind": "hf", "path": str(tmp_path / str(n))}).open("train") for n in range(60)]
    assert all(records[3] == ROWS[3] for records in opened)
    assert len(os.listdir("/proc/self/fd")) < before + 10


def test_a_hub_folder_with_parquet_files_is_read_by_the_names_of_its_files(tmp_path):
    write_parquet(tmp_path / "plain" / "train-00000-of-00001.parquet", ROWS)
    write_parquet(tmp_path / "plain" / "dev-00000-of-00001.parquet", ROWS[:5])
    source = make_source({"kind": "hf", "path": str(tmp_path)})
    assert sorted(source.splits) == ["train", "validation"]
    assert source.open("validation")[4] == ROWS[4]


def test_splits_of_other_names_keep_them_apart(tmp_path):
    for number, name in enumerate(("validation_matched", "validation_mismatched", "train_r1", "train_r2")):
        write_parquet(tmp_path / f"{name}-00000-of-00001-0123456789abcdef.parquet", ROWS[number : number + 1])
    write_parquet(tmp_path / "dev" / "0000.parquet", ROWS[9:])
    source = make_source({"kind": "hf", "path": str(tmp_path)})
    assert sorted(source.splits) == [
        "train_r1",
        "train_r2",
        "validation",
        "validation_matched",
        "validation_mismatched",
    ]
    assert list(source.open("train_r2")) == [ROWS[3]]
    assert len(source.open("validation")) == 41


def test_two_data_sets_in_one_folder_are_not_taken_for_one(tmp_path):
    write_parquet(tmp_path / "plain" / "train-00000-of-00001.parquet", ROWS)
    write_parquet(tmp_path / "other" / "train-00000-of-00001.parquet", ROWS)
    with pytest.raises(UserError, match=r"split 'train' in several folders: other, plain\."):
        make_source({"kind": "hf", "path": str(tmp_path)}).open("train")


def test_a_folder_that_is_none_of_these_is_missing(tmp_path):
    source = make_source({"kind": "hf", "path": str(tmp_path)})
    assert "neither state.json" in source.missing()
    assert source.splits == ()
    with pytest.raises(UserError, match="cannot be read: neither"):
        source.open("train")


def test_a_saved_list_of_chosen_rows_is_refused_because_ignoring_it_would_give_other_rows(tmp_path):
    write_saved(tmp_path / "d", ROWS)
    state = json.loads((tmp_path / "d" / "state.json").read_text())
    (tmp_path / "d" / "state.json").write_text(json.dumps({**state, "_indices_data_files": [{"filename": "i.arrow"}]}))
    with pytest.raises(UserError, match="flatten_indices"):
        make_source({"kind": "hf", "path": str(tmp_path / "d")}).open("train")


def test_an_arrow_file_cut_short_is_named(tmp_path):
    write_saved(tmp_path / "d", ROWS, files=1)
    arrow = tmp_path / "d" / "data-00000-of-00001.arrow"
    arrow.write_bytes(arrow.read_bytes()[:700])
    with pytest.raises(UserError, match=r"\.arrow: is no whole arrow file"):
        make_source({"kind": "hf", "path": str(tmp_path / "d")}).open("train")
