"""The SeqIO side of the chain-of-thought tasks: registration, tokens, lengths, order, resuming."""

from __future__ import annotations

import importlib.util  # gin 0.5.0 uses it without importing it
import subprocess
import sys

import pytest

seqio = pytest.importorskip("seqio")
import tensorflow as tf  # noqa: E402

import gin  # noqa: E402
from flan_mixtures.cot import tasks  # noqa: E402
from flan_mixtures.cot.rows import DATASETS  # noqa: E402
from flan_mixtures.sources.length_limit import count_long_rows  # noqa: E402
from flan_mixtures.sources.rows_source import RowsSource  # noqa: E402
from flan_mixtures.sources.t5_vocabulary import T5Vocabulary, t5_vocabulary, text_features  # noqa: E402
from t5x.errors import UserError  # noqa: E402

assert importlib.util

LENGTHS = {"inputs": 256, "targets": 256}


@pytest.fixture
def data(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    return shared / "data"


def _ids(dataset, count):
    return [(row["inputs"].tolist(), row["targets"].tolist()) for row in dataset.take(count).as_numpy_iterator()]


def test_importing_the_tasks_reads_no_file_and_needs_no_data_folder(root):
    code = (
        "import builtins, io, pathlib, seqio\n"
        "opened = []\n"
        "read_bytes = pathlib.Path.read_bytes\n"
        "pathlib.Path.read_bytes = lambda path: opened.append(str(path)) or read_bytes(path)\n"
        "import flan_mixtures.cot.tasks, flan_mixtures.evals.bbh_tasks\n"
        "print(opened, len(seqio.MixtureRegistry.get('cot_files').tasks), len(seqio.MixtureRegistry.get('bbh').tasks))"
    )
    environment = {"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=environment
    )
    assert done.stdout.strip() == "[] 14 27"


def test_the_mixture_holds_a_rationale_task_and_a_direct_task_per_data_set():
    names = {task.name for task in seqio.MixtureRegistry.get("cot_files").tasks}
    assert names == {f"cot_{dataset}{form}" for dataset in DATASETS for form in ("", "_direct")}


def test_training_and_validation_rows_make_up_the_file(data):
    source = seqio.TaskRegistry.get("cot_qasc").source
    train, validation = source.row_count("train"), source.row_count("validation")
    assert (train, validation) == (1066, 18)
    ids = [row["_row_id"] for split in tasks.SPLITS for row in source.rows(split)]
    assert len(set(ids)) == 1084


def test_a_row_becomes_tokens_with_eos_and_keeps_its_text(data):
    task = seqio.TaskRegistry.get("cot_qasc")
    row = next(task.get_dataset(LENGTHS, "train", shuffle=False).as_numpy_iterator())
    vocabulary = t5_vocabulary()
    for name in ("inputs", "targets"):
        assert row[name][-1] == 1
        assert row[name][:-1].tolist() == list(vocabulary.encode(row[f"{name}_pretokenized"].decode()))
    assert row["_row_id"].decode().startswith("qasc:")
    assert row["targets_pretokenized"].decode().endswith("he answer is (D).")


def test_order_depends_on_the_seed_alone(data):
    task = seqio.TaskRegistry.get("cot_qasc")
    first, again = (_ids(task.get_dataset(LENGTHS, "train", seed=7), 20) for _ in range(2))
    other = _ids(task.get_dataset(LENGTHS, "train", seed=8), 20)
    assert first == again
    assert first != other


def test_hosts_share_the_rows_without_overlap():
    rows = [{"inputs": str(i)} for i in range(11)]
    source = RowsSource(lambda split: rows, splits=["train"])
    shards = [
        [row["inputs"] for row in source.get_dataset("train", True, 3, seqio.ShardInfo(i, 4)).as_numpy_iterator()]
        for i in range(4)
    ]
    assert sorted(int(text) for shard in shards for text in shard) == list(range(11))


@pytest.mark.parametrize("name", ["cot_qasc", pytest.param("cot_files", marks=pytest.mark.slow)])
def test_an_iterator_resumes_where_it_was_saved(data, tmp_path, name):
    def fresh():
        return iter(
            seqio.get_mixture_or_task(name).get_dataset(LENGTHS, "train", shuffle=True, seed=5, num_epochs=None)
        )

    def take(iterator, count):
        return [next(iterator)["inputs"].numpy().tolist() for _ in range(count)]

    iterator = fresh()
    take(iterator, 30)
    saved = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "position"))
    expected = take(iterator, 30)
    restored = fresh()
    tf.train.Checkpoint(iterator=restored).read(saved).assert_consumed()
    assert take(restored, 30) == expected


def test_rows_too_long_for_training_are_left_out_whole_and_counted(data, caplog):
    task = seqio.TaskRegistry.get("cot_strategyqa")
    lengths = {"inputs": 30, "targets": 40}
    rows = task.source.rows("train")
    long = count_long_rows(rows, {"inputs": 29, "targets": 39}, text_features())
    assert 0 < long < len(rows)
    with caplog.at_level("WARNING"):
        kept = list(task.get_dataset(lengths, "train", shuffle=False).as_numpy_iterator())
    assert len(kept) == len(rows) - long
    assert all(row["targets"][-1] == 1 for row in kept)
    assert all("he answer is " in row["targets_pretokenized"].decode() for row in kept)
    message = next(record.getMessage() for record in caplog.records if "cot_strategyqa" in record.getMessage())
    assert "of 2061 rows are longer than inputs 30, targets 40 tokens and are left out" in message


def test_the_quick_length_bound_never_misses_a_long_row(data):
    rows = seqio.TaskRegistry.get("cot_aqua").source.rows("validation")
    features = text_features()
    for limit in (20, 60, 120):
        exact = sum(len(features["inputs"].vocabulary.encode(row["inputs"])) > limit for row in rows)
        assert count_long_rows(rows, {"inputs": limit}, features) == exact


def test_an_unknown_split_names_those_there_are(data):
    with pytest.raises(UserError, match="no split 'test'; choose one of 'train', 'validation'"):
        seqio.TaskRegistry.get("cot_qasc").source.rows("test")


def test_a_split_without_rows_is_an_error():
    with pytest.raises(UserError, match="'train' has no rows"):
        RowsSource(lambda split: [], splits=["train"]).get_dataset("train")


def test_no_data_folder_is_said_when_data_is_asked_for(monkeypatch):
    monkeypatch.delenv("FLAN_MIXTURES_DATA", raising=False)
    with pytest.raises(UserError, match="No data folder is set"):
        seqio.TaskRegistry.get("cot_qasc").get_dataset(LENGTHS, "train")


def test_a_data_folder_without_the_vocabulary_is_said_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"T5 vocabulary '.*t5_vocab/sentencepiece\.model' does not exist"):
        T5Vocabulary().encode("text")


def test_the_vocabulary_is_t5s_and_equals_one_loaded_from_the_same_file(data):
    vocabulary = t5_vocabulary()
    plain = seqio.SentencePieceVocabulary(str(data / "t5_vocab" / "sentencepiece.model"), extra_ids=100)
    assert vocabulary == plain
    assert plain == vocabulary
    assert vocabulary != seqio.SentencePieceVocabulary(str(data / "t5_vocab" / "sentencepiece.model"), extra_ids=0)
    assert vocabulary != seqio.ByteVocabulary()
    # The ids that T5 gives the answer letters and yes/no words.
    assert [vocabulary.encode(text) for text in ("A", "B", "C", "D", "yes", "no")] == [
        [71],
        [272],
        [205],
        [309],
        [4273],
        [150],
    ]
    assert vocabulary.encode("(A)") == [41, 188, 61]
    assert (vocabulary.pad_id, vocabulary.eos_id, vocabulary.unk_id) == (0, 1, 2)


def test_tokens_in_tensorflow_are_those_in_python(data):
    rows = seqio.TaskRegistry.get("cot_aqua").source.rows("validation")
    vocabulary = t5_vocabulary()
    for row in rows:
        assert vocabulary.encode_tf(row["targets"]).numpy().tolist() == list(vocabulary.encode(row["targets"]))


def test_the_metric_of_a_task_counts_the_extracted_answers(data):
    task = seqio.TaskRegistry.get("cot_qasc")
    targets = [task.postprocess_fn(text, is_target=True) for text in ("Because. So the answer is (D).", "(A)")]
    predictions = [task.postprocess_fn(text, is_target=False) for text in ("Hm. The answer is (D).", "(B)")]
    assert task.metric_fns[0](targets, predictions) == {"exact_match": 50.0}


def test_mixing_follows_the_number_of_rows(data):
    mixture = seqio.MixtureRegistry.get("cot_files")
    rates = {task.name: mixture.get_rate(task) for task in mixture.tasks}
    assert rates["cot_qasc"] == rates["cot_qasc_direct"] == 1066
    assert rates["cot_gsm8k"] == 7318


def test_the_gin_file_registers_the_mixture_and_gives_the_model_the_same_vocabulary(root, data):
    with gin.unlock_config():
        gin.parse_config_file(str(root / "gin" / "data" / "cot_files.gin"))
        name = gin.query_parameter("%MIXTURE_OR_TASK_NAME")
        vocabulary = gin.query_parameter("%VOCABULARY").scoped_configurable_fn()
        gin.clear_config()
    assert vocabulary == seqio.get_mixture_or_task(name).output_features["targets"].vocabulary


@pytest.mark.slow
def test_every_row_of_the_mixture_gives_the_same_tokens_in_tensorflow_and_python(data):
    vocabulary = t5_vocabulary()
    for task in seqio.MixtureRegistry.get("cot_files").tasks:
        texts = [row[name] for row in task.source.rows("train") for name in ("inputs", "targets")]
        for start in range(0, len(texts), 1000):
            batch = texts[start : start + 1000]
            assert vocabulary.tf_tokenizer.tokenize(batch).to_list() == vocabulary.tokenizer.encode(batch)


def test_rows_source_keeps_file_order_without_shuffling():
    source = RowsSource(lambda split: [{"inputs": str(i)} for i in range(5)], splits=["train"])
    order = [row["inputs"] for row in source.get_dataset("train", shuffle=False).as_numpy_iterator()]
    assert order == [b"0", b"1", b"2", b"3", b"4"]
