"""JSON Lines files are read by number, malformed lines are named or counted, and many files stay cheap."""

from __future__ import annotations

import gzip
import json
import os
import pickle

import pytest
from absl import logging

from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

ROWS = [
    {"id": 0, "text": "plain"},
    {"id": 1, "text": "Zürich 東京 🎈 \u2028 and \u0085 inside"},
    {"id": 2, "text": "x" * 300_000},
    {"id": 3, "text": "a \\ and a \n", "list": [1, {"deep": None}]},
]
SKIP = SourceConfig(on_malformed="skip")


def source(path, config=None):
    return make_source({"kind": "jsonl", "files": {"train": str(path)}}, config)


def write(path, content: bytes):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def as_lines(rows, end="\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n  \n"])
def test_rows_are_the_same_in_any_order_plain_or_compressed_and_with_any_line_end(tmp_path, name, end):
    records = source(write(tmp_path / name, as_lines(ROWS, end))).open("train")
    assert len(records) == len(ROWS)
    assert [records[i] for i in (3, 0, 2, 1, -1)] == [ROWS[i] for i in (3, 0, 2, 1, 3)]
    assert list(records) == ROWS


def test_a_last_line_without_line_feed_and_a_byte_order_mark_are_no_trouble(tmp_path):
    path = write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + as_lines(ROWS).rstrip(b"\n"))
    assert list(source(path).open("train")) == ROWS


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"id": 1, "text": "cut sho', "not valid JSON"),
        (b'["no", "object"]', "expected a JSON object, found a list"),
        (b'{"text": "\xff"}', "byte 0xff is not UTF-8"),
        (b'{"text": "\\ud83d"}', "half a character"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_malformed_line_is_named_with_file_and_line_or_left_out_and_counted(tmp_path, line, words, monkeypatch):
    path = write(tmp_path / "a.jsonl", as_lines(ROWS[:1]) + b"\n" + line + b"\n" + as_lines(ROWS[1:]))
    with pytest.raises(UserError, match=words) as error:
        source(path).open("train")
    assert f"{path}:3: " in str(error.value)

    logged = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: logged.append(text % values))
    records = source(path, SKIP).open("train")
    source(path, SKIP).open("train")
    assert list(records) == ROWS
    assert records.skipped == 1
    assert len(logged) == 1
    assert f"{path}: 1 malformed rows are left out; the first is line 3" in logged[0]


def test_a_file_without_rows_is_missing_if_empty_and_an_error_when_opened(tmp_path):
    empty = write(tmp_path / "empty.jsonl", b"")
    assert source(empty).missing() == f"empty file {empty}"
    with pytest.raises(UserError, match="is empty"):
        source(empty).open("train")
    with pytest.raises(UserError, match="has no row"):
        source(write(tmp_path / "blank.jsonl", b"\n \n")).open("train")
    with pytest.raises(UserError, match=r"no row that can be used \(1 malformed\)"):
        source(write(tmp_path / "bad.jsonl", b"{\n"), SKIP).open("train")


def test_a_missing_file_is_said_and_raises(tmp_path):
    absent = source(tmp_path / "absent.jsonl")
    assert absent.missing() == f"no file {tmp_path / 'absent.jsonl'}"
    with pytest.raises(UserError, match=r"absent\.jsonl' does not exist"):
        absent.open("train")


def test_without_a_data_folder_a_relative_path_is_missing_and_with_one_it_is_found(tmp_path, monkeypatch):
    write(tmp_path / "a.jsonl", as_lines(ROWS))
    monkeypatch.delenv("FLAN_MIXTURES_DATA", raising=False)
    assert source("a.jsonl").missing() == "no data folder is set (FLAN_MIXTURES_DATA)"
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(tmp_path))
    assert source("a.jsonl").missing() is None
    assert len(source("a.jsonl").open("train")) == len(ROWS)


def test_half_a_gzip_file_is_named(tmp_path):
    path = write(tmp_path / "a.jsonl.gz", as_lines(ROWS))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="no whole gzip file"):
        source(path).open("train")


def test_an_unknown_split_and_an_index_past_the_end_are_refused(tmp_path):
    opened = source(write(tmp_path / "a.jsonl", as_lines(ROWS)))
    with pytest.raises(UserError, match=r"no split 'trian'\. Did you mean 'train'"):
        opened.open("trian")
    with pytest.raises(IndexError):
        opened.open("train")[len(ROWS)]


def test_a_file_that_changed_after_it_was_opened_is_an_error_and_not_another_row(tmp_path):
    path = write(tmp_path / "a.jsonl", as_lines(ROWS))
    records = source(path).open("train")
    path.write_bytes(b"gone")
    with pytest.raises(UserError, match="row 1 has changed since the file was opened"):
        records[1]


def test_opened_records_can_go_to_another_process(tmp_path):
    records = source(write(tmp_path / "a.jsonl", as_lines(ROWS))).open("train")
    assert list(pickle.loads(pickle.dumps(records))) == ROWS


def test_many_open_files_hold_few_descriptors(tmp_path):
    opened = []
    for number in range(200):
        path = write(tmp_path / f"{number}.jsonl", as_lines([{"file": number, "row": row} for row in range(5)]))
        opened.append(source(path).open("train"))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert [opened[i % 200][i % 5]["file"] for i in range(1000)] == [i % 200 for i in range(1000)]
    assert (len(os.listdir("/proc/self/fd")) if before else 0) < before + 40


def test_the_real_superglue_files_are_read(shared):
    folder = shared / "data" / "superglue" / "BoolQ"
    files = {"train": str(folder / "train.jsonl"), "validation": str(folder / "val.jsonl")}
    boolq = make_source({"kind": "jsonl", "files": files})
    assert boolq.splits == ("train", "validation")
    assert [len(boolq.open(split)) for split in boolq.splits] == [32, 3270]
    lines = (folder / "val.jsonl").read_bytes().split(b"\n")
    assert boolq.open("validation")[3269] == json.loads(lines[3269])
