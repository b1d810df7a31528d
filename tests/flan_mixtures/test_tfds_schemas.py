"""Every field name of the declarations with a source in TFDS is one that the installed TFDS gives.

Each task's builder is made (nothing is prepared or downloaded), a record is made up that its feature specification
accepts, and the record goes through the adapter and the mapping of the task.
"""

from __future__ import annotations

import pytest

from flan_mixtures.catalogue import niv2
from flan_mixtures.catalogue.declaration import declarations
from flan_mixtures.catalogue.row_mapping import to_row
from flan_mixtures.sources.tfds_source import plain

FLAN = declarations("flan2021")
# Of NIv2's tasks, which are all in one data set of TFDS, one stands for the others.
NIV2 = "task875_emotion_classification"
TASKS = {**FLAN, **declarations("dialog"), NIV2: niv2.declarations()[NIV2]}
TFDS_TASKS = sorted(TASKS)

# Tasks whose data set the installed TFDS cannot describe offline, and why. None at present.
NOT_BUILDABLE: dict[str, str] = {}

# What a made-up record has to say for it to make sense, where any text or number will not do.
SENSIBLE = {
    "definite_pronoun_resolution": {"candidates": ["Ann", "Bert"]},
    "record": {"entities": ["Ann", "Bert", "Cleo"], "answers": ["Bert"]},
    "sentiment140": {"polarity": 4},
    "unified_qa_science_inst": {"input": "what is wet? \\n (a) fire (b) water (c) air (d) sand", "output": "water"},
    "qrecc": {"turn_id": 8},
    "wsc": {"text": "Bob fed the dog because it begged.", "span2_text": "it", "span2_index": 5},
}
SEVERAL = 4  # the length of made-up sequences


def made_up(feature, tfds, name: str, number: int = 0):
    """Returns a value that a TFDS feature accepts; texts are sentences that differ by name and number."""
    features = tfds.features
    if isinstance(feature, features.FeaturesDict):  # also Translation
        return {key: made_up(inner, tfds, key, number) for key, inner in feature.items()}
    if isinstance(feature, features.Sequence):
        return [made_up(feature.feature, tfds, name, place) for place in range(SEVERAL)]
    if isinstance(feature, features.ClassLabel):
        return min(number, feature.num_classes - 1)
    if isinstance(feature, features.Text) or feature.dtype in (str, "string"):
        return f"A Text for {name}, number {number}."
    if feature.dtype == bool:
        return True
    return 1.0 if "float" in str(feature.dtype) else 1


@pytest.fixture(scope="module")
def tfds():
    # Imported here, as it takes seconds that other runs of this folder need not pay.
    return pytest.importorskip("tensorflow_datasets")


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tfds):
    from tensorflow_datasets.core.utils import gcs_utils

    monkeypatch.setattr(gcs_utils, "_is_gcs_disabled", True)


def tfds_source(task: str) -> dict:
    """The task's source in TFDS: the first one, but for NIv2's tasks, which are read from their files first."""
    found = [source for source in TASKS[task].sources if source["kind"] == "tfds"]
    assert len(found) == 1
    return found[0]


def features_of(tfds, task: str, folder):
    name = tfds_source(task)["name"]
    builder = tfds.builder(name, try_gcs=False, data_dir=str(folder))
    assert name.rpartition(":")[2] == str(builder.version)
    return builder.info.features


def record_of(tfds, task: str, folder) -> dict:
    features = features_of(tfds, task, folder)
    record = made_up(features, tfds, task)
    own = SENSIBLE.get(task, {})
    assert own.keys() <= record.keys(), f"{task}: the installed TFDS has no {own.keys() - record.keys()}"
    return plain(features.encode_example({**record, **own}))


@pytest.mark.parametrize("task", TFDS_TASKS)
def test_a_record_of_the_installed_tfds_becomes_a_row(task, tfds, tmp_path):
    assert task not in NOT_BUILDABLE
    declaration = TASKS[task]
    row = to_row(declaration, tfds_source(task), record_of(tfds, task, tmp_path), f"{task}/train/0")
    assert row is not None, "the adapter leaves the made-up record out"
    assert set(row.fields) == {*declaration.fields, "answer"}
    assert all(row.fields.values())
    assert (row.gold is None) == (not row.options)
    if row.options:
        assert row.options[row.gold] == row.answer
    assert row.references[0] == row.answer


def test_every_task_comes_from_tfds_first_and_every_builder_can_be_made(tfds, tmp_path):
    assert all(FLAN[task].sources[0]["kind"] == "tfds" for task in FLAN)
    failed = {}
    for task in TFDS_TASKS:
        try:
            features_of(tfds, task, tmp_path)
        except Exception as error:  # whatever a builder may raise is a reason to name
            failed[task] = str(error)
    assert failed.keys() == NOT_BUILDABLE.keys(), failed


def label_names(tfds, task: str, field: str, folder) -> list[str]:
    return features_of(tfds, task, folder)[field].names


# The order of the labels is what makes an index right; each is compared with the options of the declaration.
@pytest.mark.parametrize(
    ("task", "field", "names"),
    [
        ("ag_news_subset", "label", ["World", "Sports", "Business", "Sci/Tech"]),
        ("cb", "label", ["entailment", "contradiction", "neutral"]),
        ("cola", "label", ["unacceptable", "acceptable"]),
        ("glue_mrpc", "label", ["not_equivalent", "equivalent"]),
        ("glue_qqp", "label", ["not_duplicate", "duplicate"]),
        ("imdb_reviews", "label", ["neg", "pos"]),
        ("mnli_matched", "label", ["entailment", "neutral", "contradiction"]),
        ("multirc", "label", ["False", "True"]),
        ("paws_wiki", "label", ["different_meaning", "paraphrase"]),
        ("qnli", "label", ["entailment", "not_entailment"]),
        ("rte", "label", ["entailment", "not_entailment"]),
        ("anli_r1", "label", ["e", "n", "c"]),
        ("snli", "label", ["entailment", "neutral", "contradiction"]),
        ("sst2", "label", ["negative", "positive"]),
        ("trec", "label-coarse", ["DESC", "ENTY", "ABBR", "HUM", "NUM", "LOC"]),
        ("wic", "label", ["False", "True"]),
        ("winogrande", "label", ["1", "2"]),
        ("wnli", "label", ["not_entailment", "entailment"]),
        ("wsc", "label", ["False", "True"]),
        ("yelp_polarity_reviews", "label", ["1", "2"]),
        ("openbookqa", "answerKey", ["A", "B", "C", "D"]),
    ],
)
def test_the_order_of_labels_in_tfds_is_the_order_the_options_were_written_for(task, field, names, tfds, tmp_path):
    assert label_names(tfds, task, field, tmp_path) == names
    meanings = {"entailment": "yes", "e": "yes", "contradiction": "no", "c": "no", "not_entailment": "no"}
    meanings |= {"neutral": "it is not possible to tell", "n": "it is not possible to tell"}
    meanings |= {"True": "yes", "False": "no", "neg": "negative", "pos": "positive", "duplicate": "yes"}
    meanings |= {"not_duplicate": "no", "equivalent": "yes", "not_equivalent": "no", "paraphrase": "yes"}
    meanings |= {"different_meaning": "no", "DESC": "description", "ENTY": "entity", "ABBR": "abbreviation"}
    meanings |= {"HUM": "human", "NUM": "numeric", "LOC": "location"}
    if task == "yelp_polarity_reviews":
        meanings |= {"1": "negative", "2": "positive"}
    declaration = TASKS[task]
    for index, name in enumerate(names):
        record = {**record_of(tfds, task, tmp_path), field: index}
        row = to_row(declaration, declaration.sources[0], record, "row")
        fixed = "options" in declaration.answer
        assert row.answer == (meanings.get(name, name) if fixed else row.options[index])
