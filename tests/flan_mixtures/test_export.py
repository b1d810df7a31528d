"""An export has exactly the rows asked for, in every format, the same bytes however it was made."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from flan_mixtures.export.crc32c import crc32c
from flan_mixtures.export.export import export
from flan_mixtures.export.formats import FORMATS
from flan_mixtures.export.tf_example import tf_example
from flan_mixtures.mixtures import plain_row
from flan_mixtures.mixtures.read import Order, read
from flan_mixtures.rendering.compose import whitespace_tokens
from flan_mixtures.rendering.fit import Fitted, LeftOut, Lengths
from flan_mixtures.rendering.tokenizer import tokenizer
from t5x.errors import UserError

ORDER = Order("mine_submix", Lengths(90, 8), seed=3)
SETTINGS = {"rows": 250, "rows_per_shard": 100, "make_encode": whitespace_tokens}


def written(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def json_rows(folder: pathlib.Path) -> list[dict]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.open(encoding="utf-8")]


@pytest.fixture(scope="module")
def rows(own_data, tmp_path_factory) -> list[dict]:
    """What a JSON Lines export of `ORDER` holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLAN_MIXTURES_DATA", str(own_data))
        folder = tmp_path_factory.mktemp("rows")
        export(ORDER, folder, format="jsonl", **SETTINGS)
        return json_rows(folder)


def test_an_export_has_exactly_the_rows_asked_for_from_the_start_on(mine, tmp_path):
    manifest = export(ORDER, tmp_path / "new" / "folder", format="jsonl", start=77, **SETTINGS)
    found = json_rows(tmp_path / "new" / "folder")
    reads = read(ORDER.mixture(), ORDER.lengths, whitespace_tokens(), 77)
    expected, left_out = [], 0
    while len(expected) < 250:
        position, result = next(reads)
        left_out += isinstance(result, LeftOut)
        if isinstance(result, Fitted):
            expected.append((position, result.example.inputs, result.example.targets))
    assert [(row["position"], row["inputs"], row["targets"]) for row in found] == expected
    assert manifest.complete
    assert manifest.next_position == expected[-1][0] + 1
    assert [shard.file for shard in manifest.shards] == [f"mine_submix-0000{n}-of-00003.jsonl" for n in range(3)]
    assert [shard.rows for shard in manifest.shards] == [100, 100, 50]
    assert sum(count for task in manifest.tally.left_out.values() for count in task.values()) == left_out


def test_a_row_says_everything_about_itself(rows):
    agrees = next(row for row in rows if row["task"] == "agrees" and row["options"] and row["shots"])
    assert agrees["dataset"] == "agrees"
    assert agrees["licence"] == "CC0"
    assert agrees["languages"] == ["English"]
    assert (agrees["submixture"], agrees["task_source"]) == ("mine", "mine")
    assert agrees["task_name"] == "agrees"
    assert (agrees["template_type"], agrees["style"]) == ("fs_opt", "fsopt")
    assert agrees["template_idx"] == agrees["template_index"]
    assert agrees["options"][agrees["gold"]] in ("yes", "no")
    assert {row["gold"] for row in rows if row["task"] == "tells"} == {None}
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert any("<b>" in row["inputs"] and "東京" in row["inputs"] for row in rows)


def test_the_manifest_says_what_was_asked_what_was_got_and_what_was_lost(mine, tmp_path, small_vocabulary):
    order = Order("mine_submix", Lengths(64, 40), seed=1)
    export(order, tmp_path, format="jsonl", rows=120, rows_per_shard=50, make_encode=tokenizer(small_vocabulary))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    found = json_rows(tmp_path)
    assert manifest["tokenizer"] == {
        "name": "mini/vocabulary.model",
        "sha256": hashlib.sha256(small_vocabulary.read_bytes()).hexdigest(),
    }
    assert (manifest["mixture"], manifest["seed"], manifest["lengths"]) == (
        "mine_submix",
        1,
        {"inputs": 64, "targets": 40},
    )
    assert {"flan_mixtures", "python", "sentencepiece"} <= manifest["versions"].keys()
    assert sum(part["weight_got"] for part in manifest["parts"]) == pytest.approx(1)
    assert sum(part["weight_asked"] for part in manifest["parts"]) + manifest["missing_weight"] == pytest.approx(1)
    assert "ghost.jsonl" in manifest["missing"]["ghost"]
    position = 0
    for shard in manifest["shards"]:
        content = (tmp_path / shard["file"]).read_bytes()
        assert (shard["bytes"], shard["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert shard["first_position"] == position
        position = shard["next_position"]
    assert position == found[-1]["position"] + 1 == manifest["next_position"]
    for task in ("agrees", "tells"):
        of_task = [row for row in found if row["task"] == task]
        assert manifest["examples"][task] == len(of_task)
        assert manifest["dropped_exemplars"].get(task, 0) == sum(row["dropped_shots"] for row in of_task)
        shortened = sum(row["shortened"] == ["story"] for row in of_task)
        assert manifest["shortened"].get(task, {}).get("story", 0) == shortened
    assert manifest["dropped_exemplars"]["agrees"]
    assert manifest["shortened"]["tells"]["story"]
    assert sum(sum(reasons.values()) for reasons in manifest["left_out"].values()) == position - 120 > 0


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_holds_the_same_rows(mine, tmp_path, rows, format):
    manifest = export(ORDER, tmp_path, format=format, **SETTINGS)
    paths = [tmp_path / shard.file for shard in manifest.shards]
    assert all(path.name.endswith(f"-of-00003.{format}") for path in paths)
    assert [row for path in paths for row in _rows_of(path, format)] == rows


def _rows_of(path: pathlib.Path, format: str) -> list[dict]:
    if format == "parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    if format == "array_record":
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        with ArrayRecordDataSource([str(path)]) as records:
            return [json.loads(record) for record in records.__getitems__(range(len(records)))]
    if format == "tfrecord":
        return [_plain(record) for record in _tf_records(path)]
    content = gzip.decompress(path.read_bytes()) if format.endswith(".gz") else path.read_bytes()
    return [json.loads(line) for line in content.decode().splitlines()]


def _tf_records(path: pathlib.Path) -> list[bytes]:
    content, records = path.read_bytes(), []
    while content:
        size = int.from_bytes(content[:8], "little")
        records.append(content[12 : 12 + size])
        content = content[16 + size :]
    return records


def _plain(record: bytes) -> dict:
    """Returns the row of an example as protocol buffers' own library reads it."""
    from flan_mixtures.mixtures.plain_row import TEXT_LISTS, TEXTS, TRUTHS

    features = _example_message().FromString(record).features.feature
    row = {}
    for key in _ORDER_OF_KEYS:
        if key in (*TEXTS, *TEXT_LISTS):
            values = [value.decode() for value in features[key].bytes_list.value]
        else:
            values = list(features[key].int64_list.value)
        if key in TEXT_LISTS:
            row[key] = values
        else:
            row[key] = (bool(values[0]) if key in TRUTHS else values[0]) if values else None
    return row


_ORDER_OF_KEYS = [
    *("inputs", "targets", "task", "row_id", "template_id", "template_index", "style", "shots", "options", "gold"),
    *("option_style", "label_target", "inverted", "reasoning", "shortened", "dropped_shots", "submixture", "dataset"),
    *("cluster", "category", "licence", "languages", "template_idx", "task_source", "task_name", "template_type"),
    "position",
]


@functools.cache  # its messages do not keep its pool alive
def _example_message():
    """Returns the message class of tf.train.Example, made from its public schema and not by TensorFlow."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="example_for_tests.proto", package="for_tests", syntax="proto3")

    def message(name, *fields, within=file.message_type):
        made = within.add(name=name)
        for number, field, type_name, repeated in fields:
            added = made.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(type_name, int):
                added.type = type_name
            else:
                added.type, added.type_name = 11, f".for_tests.{type_name}"
        return made

    message("BytesList", (1, "value", 12, True))
    message("Int64List", (1, "value", 3, True))
    message("Feature", (1, "bytes_list", "BytesList", False), (3, "int64_list", "Int64List", False))
    features = message("Features", (1, "feature", "Features.FeatureEntry", True))
    entry = message("FeatureEntry", (1, "key", 9, False), (2, "value", "Feature", False), within=features.nested_type)
    entry.options.map_entry = True
    message("Example", (1, "features", "Features", False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("for_tests.Example"))


def test_the_checksum_is_crc_32c():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"") == 0
    content = bytes(range(256)) * 9
    for size in (1, 3, 4, 1023, 1024, 1025, 1027, 2304):
        assert crc32c(content[:size]) == _bit_by_bit(content[:size])


def _bit_by_bit(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_negative_number_and_an_empty_list_survive_an_example():
    record = tf_example({"a": -5, "b": [], "c": None, "d": [1, 300, 2**40]}, frozenset("abcd"))
    features = _example_message().FromString(record).features.feature
    assert [list(features[key].int64_list.value) for key in "abcd"] == [[-5], [], [], [1, 300, 2**40]]


@pytest.mark.slow
def test_seqio_reads_the_tf_records(mine, tmp_path, rows):
    import seqio
    import tensorflow as tf

    export(ORDER, tmp_path, format="tfrecord", **SETTINGS)
    texts = {name: tf.io.FixedLenFeature([], tf.string) for name in ("inputs", "targets", "task_name", "template_type")}
    source = seqio.TFExampleDataSource(
        {"train": str(tmp_path / "*.tfrecord")},
        {**texts, "template_idx": tf.io.FixedLenFeature([], tf.int64)},
    )
    found = list(source.get_dataset("train", shuffle=False).as_numpy_iterator())
    keys = ("inputs", "targets", "task_name", "template_type")
    wanted = sorted((*tuple(row[key].encode() for key in keys), row["template_idx"]) for row in rows)
    assert sorted((*tuple(each[key] for key in keys), each["template_idx"]) for each in found) == wanted


@pytest.mark.parametrize("format", ["jsonl", "parquet", "tfrecord"])
def test_token_ids_are_those_of_the_tokenizer(mine, tmp_path, small_vocabulary, format):
    make_encode = tokenizer(small_vocabulary)
    order = Order("mine_submix", Lengths(400, 100))
    made = export(order, tmp_path, format=format, rows=20, make_encode=make_encode, with_tokens=True)
    path = tmp_path / made.shards[0].file
    if format == "tfrecord":
        features = [_example_message().FromString(record).features.feature for record in _tf_records(path)]
        found = [
            {
                **{key: each[key].bytes_list.value[0].decode() for key in ("inputs", "targets")},
                **{key: list(each[key].int64_list.value) for key in ("inputs_tokens", "targets_tokens")},
            }
            for each in features
        ]
    else:
        found = _rows_of(path, format)
    assert len(found) == 20
    for row in found:
        assert row["inputs_tokens"] == make_encode()(row["inputs"])
        assert row["targets_tokens"] == make_encode()(row["targets"])


@pytest.mark.parametrize("format", ["jsonl.gz", "parquet"])
def test_one_process_and_two_write_the_same_bytes(mine, tmp_path, format):
    export(ORDER, tmp_path / "one", format=format, **SETTINGS)
    export(ORDER, tmp_path / "two", format=format, workers=2, **SETTINGS)
    assert written(tmp_path / "one") == written(tmp_path / "two")


@pytest.mark.slow
def test_four_processes_write_the_same_bytes_of_real_data(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    order = Order("flan2022_submix", Lengths(512, 128))
    settings = {"rows": 2_000, "rows_per_shard": 700, "format": "array_record", "make_encode": tokenizer()}
    export(order, tmp_path / "one", **settings)
    export(order, tmp_path / "four", workers=4, **settings)
    assert written(tmp_path / "one") == written(tmp_path / "four")


# Rows come slowly, so that the export is met in the middle of a shard.
KILLED = """
import sys, time
from flan_mixtures.export import export as room
from flan_mixtures.mixtures.read import Order
from flan_mixtures.rendering.compose import whitespace_tokens
from flan_mixtures.rendering.fit import Lengths
fast = room.read
def slow(*arguments):
    for each in fast(*arguments):
        time.sleep(0.002)
        yield each
room.read = slow
room.export(Order("mine_submix", Lengths(90, 8), seed=3), sys.argv[1], format=sys.argv[2], rows=250,
            rows_per_shard=100, make_encode=whitespace_tokens)
"""


@pytest.mark.parametrize("format", ["jsonl", "array_record"])
def test_a_killed_export_goes_on_after_its_last_whole_file_and_ends_with_the_same_bytes(mine, tmp_path, format):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "killed"), format], cwd=_root())
    second = tmp_path / "killed" / f"mine_submix-00001-of-00003.{format}.partial"
    while not second.exists():
        assert process.poll() is None, "the export ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert json.loads((tmp_path / "killed" / "manifest.json").read_text())["rows_written"] == 100
    before = (tmp_path / "killed" / f"mine_submix-00000-of-00003.{format}").stat()
    export(ORDER, tmp_path / "killed", format=format, **SETTINGS)
    export(ORDER, tmp_path / "whole", format=format, **SETTINGS)
    assert written(tmp_path / "killed") == written(tmp_path / "whole")
    after = (tmp_path / "killed" / f"mine_submix-00000-of-00003.{format}").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_processes_of_a_killed_export_end_too(mine, tmp_path):
    code = KILLED.replace("room.read", "room.read_with_workers")
    code = code.replace("rows_per_shard=100", "rows_per_shard=100, workers=2")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), "jsonl"], cwd=_root())
    while not list(tmp_path.glob("*00001-of-00003.jsonl.partial")):
        assert process.poll() is None, "the export ended before it could be killed"
        time.sleep(0.01)
    children = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(children) >= 2
    deadline = time.monotonic() + 30
    while any(pathlib.Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "processes are left behind"
        time.sleep(0.05)


def _children(pid: int) -> list[str]:
    file = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    if not file.is_file():
        pytest.skip("needs Linux's list of a process's children")
    return file.read_text().split()


def _root() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parent.parent.parent


def test_a_complete_export_is_left_as_it_is(mine, tmp_path):
    export(ORDER, tmp_path, format="jsonl", **SETTINGS)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert export(ORDER, tmp_path, format="jsonl", **SETTINGS).complete
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_the_folder_of_another_export_is_refused_in_one_paragraph(mine, tmp_path):
    export(ORDER, tmp_path, format="jsonl", **SETTINGS)
    before = written(tmp_path)
    other = Order("mine_submix", Lengths(90, 8), seed=4)
    with pytest.raises(UserError, match="holds another export: seed is 3 there and 4 here") as caught:
        export(other, tmp_path, format="jsonl", **SETTINGS)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r'format is "jsonl" there and "parquet" here'):
        export(ORDER, tmp_path, format="parquet", **SETTINGS)
    assert written(tmp_path) == before


def test_a_folder_with_other_files_is_refused(mine, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds files, and no manifest.json"):
        export(ORDER, tmp_path, format="jsonl", **SETTINGS)
    with pytest.raises(UserError, match="is a file"):
        export(ORDER, tmp_path / "thesis.txt", format="jsonl", **SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("harm", ["delete", "cut", "manifest"])
def test_a_damaged_export_is_named(mine, tmp_path, harm):
    manifest = export(ORDER, tmp_path, format="jsonl", **SETTINGS)
    shard = tmp_path / manifest.shards[1].file
    if harm == "delete":
        shard.unlink()
    elif harm == "cut":
        os.truncate(shard, 10)
    else:
        (tmp_path / "manifest.json").write_text("{")
    says = {"delete": f"{shard.name}' is not there", "cut": f"{shard.name}' has 10 bytes", "manifest": "cannot be read"}
    with pytest.raises(UserError, match=says[harm]):
        export(ORDER, tmp_path, format="jsonl", **SETTINGS)


# A limit of the process on its files stands for a full disk: writing past it fails in the same calls.
FULL = """
import resource, signal, sys
from flan_mixtures.export import export as room
from flan_mixtures.mixtures.read import Order
from flan_mixtures.rendering.compose import whitespace_tokens
from flan_mixtures.rendering.fit import Lengths
from t5x.errors import UserError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
unlimited = room.write_shard
def write_shard(path, *arguments):
    if "00001-of" in path.name:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, resource.RLIM_INFINITY))
    return unlimited(path, *arguments)
room.write_shard = write_shard
try:
    room.export(Order("mine_submix", Lengths(90, 8), seed=3), sys.argv[1], format=sys.argv[2], rows=250,
                rows_per_shard=100, make_encode=whitespace_tokens)
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_names_the_file_and_leaves_whole_files_to_go_on_with(mine, tmp_path, format):
    command = [sys.executable, "-c", FULL, str(tmp_path / "full"), format]
    ran = subprocess.run(command, cwd=_root(), capture_output=True, text=True, check=True)
    message = ran.stdout.strip()
    assert f"full/mine_submix-00001-of-00003.{format}' cannot be written: " in message
    assert "too large" in message
    assert "\n" not in message
    assert sorted(written(tmp_path / "full")) == ["manifest.json", f"mine_submix-00000-of-00003.{format}"]
    export(ORDER, tmp_path / "full", format=format, **SETTINGS)
    export(ORDER, tmp_path / "whole", format=format, **SETTINGS)
    assert written(tmp_path / "full") == written(tmp_path / "whole")


@pytest.mark.parametrize(("rows", "says"), [(0, "rows = 0"), (True, "rows = True"), (2.5, "rows = 2.5")])
def test_a_number_of_rows_that_cannot_be_is_named(mine, tmp_path, rows, says):
    with pytest.raises(UserError, match=says):
        export(ORDER, tmp_path, format="jsonl", rows=rows, make_encode=whitespace_tokens)


def test_an_unknown_format_is_named_with_the_nearest(mine, tmp_path):
    with pytest.raises(UserError, match=r"no export format 'json'.*'jsonl'"):
        export(ORDER, tmp_path, format="json", rows=1, make_encode=whitespace_tokens)


def test_more_rows_than_a_split_with_an_end_has_are_refused(mine, tmp_path):
    order = Order("mine_submix", Lengths(1_000, 1_000), split="validation")
    with pytest.raises(UserError, match=r"'validation' of 'mine_submix' has 20 rows: 21 from 0 on"):
        export(order, tmp_path, format="jsonl", rows=21, make_encode=whitespace_tokens)
    assert export(order, tmp_path, format="jsonl", rows=20, make_encode=whitespace_tokens).complete


def test_lengths_that_nothing_fits_end_with_the_reasons_and_not_never(mine, tmp_path, monkeypatch):
    monkeypatch.setattr(plain_row, "MOST_LEFT_OUT", 500)
    order = Order("mine_submix", Lengths(4, 40))
    with pytest.raises(UserError, match=r"gave no example at 500 positions.*query longer than the requested length"):
        export(order, tmp_path, format="jsonl", rows=1, make_encode=whitespace_tokens)


def test_away_from_a_terminal_progress_is_a_few_lines_of_log(mine, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        export(ORDER, tmp_path, format="jsonl", **SETTINGS)
    lines = [record.getMessage() for record in caplog.records if record.name == "flan_mixtures.export.progress"]
    assert lines[0] == "export mine_submix: 0 of 250 rows"
    assert "250 of 250 rows" in lines[-1]
    assert "rows/s" in lines[-1]
    assert len(lines) == 2
