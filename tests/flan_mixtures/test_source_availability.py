"""What is there is found without reading it, and a local copy named by the user comes first, of whatever kind it is."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.sources.available import availability, source_mappings, sources_of
from flan_mixtures.sources.local_source import local_mapping
from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

ROW = {"premise": "a", "hypothesis": "b", "label": 1}
TFDS = {"kind": "tfds", "name": "glue/rte:2.0.0", "splits": {"train": "train[:-200]"}, "labels": {"x": 0}}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path


def declaration(*sources, task="rte"):
    return Declaration(task, "flan2021", dataset="rte", templates="entailment_two_way", sources=sources)


def jsonl(*names):
    return {"kind": "jsonl", "files": dict(zip(("train", "validation"), names, strict=False))}


def test_the_table_has_each_source_with_what_is_missing_and_the_first_that_is_there_is_taken(data):
    (data / "here.jsonl").write_text(json.dumps(ROW))
    task = declaration(TFDS, jsonl("gone.jsonl"), jsonl("here.jsonl", "half.jsonl"), jsonl("here.jsonl"))
    nothing = declaration(TFDS, task="nothing")
    rows = availability([task, nothing], SourceConfig())
    assert [(row.task, row.submixture, row.available) for row in rows] == [
        ("rte", "flan2021", True),
        ("nothing", "flan2021", False),
    ]
    assert rows[0].sources == (
        ("tfds glue/rte:2.0.0", f"not prepared in {data / 'tfds'}"),
        ("jsonl gone.jsonl", "no file gone.jsonl"),
        ("jsonl here.jsonl, half.jsonl", "no file half.jsonl"),
        ("jsonl here.jsonl", "ok"),
    )
    sources = [source for _, source in sources_of(task, SourceConfig())]
    assert [source.missing() is None for source in sources] == [False, False, False, True]


def test_a_local_copy_comes_first_and_takes_over_how_the_declared_source_of_its_kind_is_read(data):
    (data / "my").mkdir()
    (data / "my" / "rte.tsv").write_text("a\tb\n")
    declared = {"kind": "tsv", "files": {"train": "rte.tsv"}, "columns": ["x", "y"], "fields": {"premise": "x"}}
    first, *others = source_mappings(declaration(TFDS, declared), SourceConfig(paths={"rte": "my/rte.tsv"}))
    assert others == [TFDS, declared]
    assert first == {**declared, "files": {"train": "my/rte.tsv"}}
    assert make_source(first).open("train")[0] == {"x": "a", "y": "b"}
    assert source_mappings(declaration(TFDS), SourceConfig(paths={"other": "my"})) == (TFDS,)


def test_the_kind_of_a_local_copy_is_seen_from_its_ending_or_its_content(data):
    files = {
        "a.jsonl": json.dumps(ROW).encode(),
        "a.jsonl.gz": gzip.compress(json.dumps(ROW).encode()),
        "a.csv": b"a,b\n1,2\n",
        "a.tsv": b"a\tb\n1\t2\n",
        "p.jsonl": json.dumps({"prompt": "a", "completion": "b<|endoftext|>"}).encode(),
        "task1_a.json": json.dumps(
            {"Definition": ["d"], "Positive Examples": [], "Instances": [{"input": "i", "output": "o"}]}
        ).encode(),
    }
    for name, content in files.items():
        (data / name).write_bytes(content)
    pq.write_table(pa.Table.from_pylist([ROW]), data / "a.parquet")
    kinds = {name: local_mapping("rte", name)["kind"] for name in [*files, "a.parquet"]}
    assert list(kinds.values()) == ["jsonl", "jsonl", "csv", "tsv", "p3", "natural_instructions", "parquet"]
    for name in kinds:
        assert len(make_source(local_mapping("rte", name)).open("train")) == 1


def test_a_local_folder_is_read_by_the_names_of_its_files(shared, data):
    superglue = make_source(local_mapping("rte", str(shared / "data" / "superglue" / "RTE")))
    assert sorted(superglue.splits) == ["train", "validation"]  # and dev32 is neither
    assert len(superglue.open("validation")) == 277
    task = local_mapping("t", str(shared / "data" / "superni" / "task363_sst2_polarity_classification"))
    assert task["kind"] == "natural_instructions"
    (data / "hub" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([ROW]), data / "hub" / "data" / "train-00000-of-00001.parquet")
    assert make_source(local_mapping("rte", "hub")).open("train")[0] == ROW


def test_a_local_folder_that_tfds_prepared_keeps_the_declared_slices(data):
    (data / "copied").mkdir()
    for name in ("dataset_info.json", "features.json"):
        (data / "copied" / name).write_text("{}")
    first, _ = source_mappings(declaration(TFDS), SourceConfig(paths={"rte": "copied"}))
    assert first == {**TFDS, "folder": str(data / "copied")}
    assert make_source(first).missing() is None


@pytest.mark.parametrize(("path", "words"), [("gone", "does not exist"), ("a.txt", "no kind of source reads it")])
def test_a_local_copy_that_cannot_be_read_is_an_error_with_the_task(data, path, words):
    (data / "a.txt").write_text("x")
    with pytest.raises(UserError, match=words) as error:
        availability([declaration(TFDS)], SourceConfig(paths={"rte": path}))
    assert "Task 'rte'" in str(error.value)
    assert repr(path) in str(error.value)


def test_a_local_folder_with_two_files_for_a_split_is_ambiguous(data):
    (data / "two").mkdir()
    for name in ("train.jsonl", "train-00001.jsonl", "dev.jsonl"):
        (data / "two" / name).write_text(json.dumps(ROW))
    with pytest.raises(UserError, match=r"two files for the split 'train', 'train-00001.jsonl' and 'train.jsonl'"):
        local_mapping("rte", "two")


@pytest.mark.parametrize("name", ["dataset_dict.json", "state.json"])
def test_a_folder_that_only_looks_saved_is_an_error(data, name):
    (data / "saved").mkdir()
    (data / "saved" / name).write_text("{}")
    (source,) = [each for _, each in sources_of(declaration(), SourceConfig(paths={"rte": str(data / "saved")}))]
    with pytest.raises(UserError, match=f"{name}: has no .* is not what `datasets` writes"):
        source.missing()


def test_paths_that_are_no_paths_are_refused():
    for paths in ("my/rte", {"rte": 3}):
        with pytest.raises(UserError, match=r"SourceConfig\.paths is .*: expected a path by data set"):
            SourceConfig(paths=paths)
