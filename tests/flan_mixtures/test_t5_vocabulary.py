"""T5's vocabulary: found when it is first used, the same in TensorFlow and in Python."""

from __future__ import annotations

import pytest

seqio = pytest.importorskip("seqio")

from flan_mixtures.catalogue.declaration import declarations  # noqa: E402
from flan_mixtures.sources.make_source import make_source  # noqa: E402
from flan_mixtures.sources.t5_vocabulary import T5Vocabulary, t5_vocabulary  # noqa: E402
from t5x.errors import UserError  # noqa: E402


@pytest.fixture
def data(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    return shared / "data"


def _texts(task, split):
    records = make_source(declarations("cot")[task].sources[0]).open(split)
    return [text for record in records for text in record.values()]


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
    vocabulary = t5_vocabulary()
    for text in _texts("cot_aqua", "validation"):
        assert vocabulary.encode_tf(text).numpy().tolist() == list(vocabulary.encode(text))


@pytest.mark.slow
def test_every_text_of_the_chain_of_thought_files_gives_the_same_tokens_in_tensorflow_and_python(data):
    vocabulary = t5_vocabulary()
    for task, declaration in declarations("cot").items():
        if make_source(declaration.sources[0]).missing():
            continue
        texts = _texts(task, "train")
        for start in range(0, len(texts), 1000):
            batch = texts[start : start + 1000]
            assert vocabulary.tf_tokenizer.tokenize(batch).to_list() == vocabulary.tokenizer.encode(batch)
