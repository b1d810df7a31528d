"""TFDS data sets are found without TFDS, and read by number, as plain values, without their own code.

One small data set is really prepared, in both formats, by TFDS itself.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from flan_mixtures.sources.make_source import make_source
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError

MAKE = """
import importlib.resources, importlib.util, sys
if not importlib.util.find_spec("importlib_resources"):
    # TFDS 4.9.10 imports this to prepare data, though nothing installs it; it is the standard library's module.
    import importlib.resources.abc
    sys.modules["importlib_resources"] = importlib.resources
import numpy as np, tensorflow_datasets as tfds
def rows(count):
    for i in range(count):
        yield i, {"text": f"row {i} é 東", "label": i % 2, "score": i / 4, "names": [f"n{i}", "m"],
               "answers": [{"text": "a é", "start": 3}, {"text": "b", "start": 4}][: i % 3]}
features = tfds.features.FeaturesDict({
    "text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["no", "yes"]), "score": np.float32,
    "names": tfds.features.Sequence(tfds.features.Text()),
    "answers": tfds.features.Sequence({"text": tfds.features.Text(), "start": np.int32}),
})
for name, file_format in (("by_number", "array_record"), ("in_turn", "tfrecord")):
    builder = tfds.dataset_builders.AdhocBuilder(
        name=name, version="1.2.0", features=features, split_datasets={"train": list(rows(30)), "test": list(rows(5))},
        data_dir=sys.argv[1], file_format=file_format)
    builder.download_and_prepare()
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    made = subprocess.run([sys.executable, "-c", MAKE, str(folder)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


def source(folder, name, **keys):
    return make_source({"kind": "tfds", "name": name, **keys}, SourceConfig(tfds_data_dir=str(folder)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["by_number", "in_turn:1.2.0"])
def test_a_prepared_data_set_is_read_as_plain_values_and_sliced(data_dir, name):
    splits = {"train": "train[:-10]", "validation": "train[-10:]", "test": "test"}
    tfds = source(data_dir, name, splits=splits)
    assert tfds.missing() is None
    train, validation, test = (tfds.open(split) for split in tfds.splits)
    assert (len(train), len(validation), len(test)) == (20, 10, 5)
    everything = [*train, *validation]
    assert len({record["text"] for record in everything}) == 30
    assert train[13] == everything[13]
    for record in everything:
        number = int(record["text"].split()[1])
        starts = [3, 4][: number % 3]
        assert record == {
            "text": f"row {number} é 東",
            "label": number % 2,
            "score": number / 4,
            "names": [f"n{number}", "m"],
            "answers": {"text": ["a é", "b"][: len(starts)], "start": starts},
        }
        assert type(record["label"]) is int


@pytest.mark.slow
def test_splits_are_known_from_the_folder_and_a_wrong_one_is_refused(data_dir):
    tfds = source(data_dir, "by_number")
    assert sorted(tfds.splits) == ["test", "train"]
    with pytest.raises(UserError, match="no split 'trian'"):
        tfds.open("trian")


def prepared(base, *parts):
    folder = base.joinpath(*parts)
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text('{"fileFormat": "array_record", "splits": []}')


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("glue/rte:2.0.0", True),
        ("glue/rte", True),
        ("glue/rte:1.0.0", False),
        ("glue/sst2:2.0.0", False),
        ("glue:2.0.0", True),
        ("wmt:1.0.0", False),  # two configs, and none of them is the one without a name
        ("wmt", False),
        ("wmt/a:1.0.0", True),
        ("xsum", True),
        ("xsum:9.0.0", False),
        ("squad", False),
    ],
)
def test_what_is_prepared_is_seen_from_the_folders_alone(tmp_path, name, there):
    prepared(tmp_path, "glue", "rte", "2.0.0")
    prepared(tmp_path, "wmt", "a", "1.0.0")
    prepared(tmp_path, "wmt", "b", "1.0.0")
    prepared(tmp_path, "xsum", "1.0.0")
    prepared(tmp_path, "xsum", "1.1.0")
    (tmp_path / "squad" / "3.0.0.incompleteAB").mkdir(parents=True)
    assert source(tmp_path, name).missing() == (None if there else f"not prepared in {tmp_path}")


def test_a_data_set_that_is_not_prepared_is_not_downloaded_unless_the_config_says_so(tmp_path):
    with pytest.raises(UserError, match=r"'glue/rte:2\.0\.0' is not prepared in"):
        source(tmp_path, "glue/rte:2.0.0").open("train")
    config = SourceConfig(tfds_data_dir=str(tmp_path), download=True)
    assert make_source({"kind": "tfds", "name": "glue/rte:2.0.0"}, config).missing() is None


def test_the_folder_is_the_declared_one_then_the_configs_then_the_environments(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "/from/environment")
    assert make_source({"kind": "tfds", "name": "a"}).missing() == "not prepared in /from/environment"
    assert source(tmp_path, "a").missing() == f"not prepared in {tmp_path}"
    assert source(tmp_path, "a", data_dir="/declared").missing() == "not prepared in /declared"


def test_a_name_that_tfds_would_not_take_is_refused():
    with pytest.raises(UserError, match="is no name that can be read"):
        make_source({"kind": "tfds", "name": "glue/rte:new"})


def test_making_and_looking_for_any_source_imports_no_tensorflow():
    code = (
        "import sys; from flan_mixtures.sources import available, make_source\n"
        "make_source.make_source({'kind': 'tfds', 'name': 'glue/rte:2.0.0'}).missing()\n"
        "heavy = {'tensorflow', 'tensorflow_datasets', 'seqio', 'jax', 'datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
