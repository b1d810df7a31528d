"""The lines of an inference file are those that T5X wrote, byte for byte."""

from __future__ import annotations

import json

import numpy as np
import pytest
import seqio
import tensorflow as tf

from t5x.data.inference_output import write_inferences_to_file
from t5x.errors import UserError

VOCABULARY = seqio.ByteVocabulary()
EOS, LENGTH = 1, 24


def examples_of(rows):
    """The examples that gave these lines."""
    texts = {name: [row["inputs"][name] for row in rows] for name in rows[0]["inputs"]}
    tokens = {"inputs": tf.ragged.constant([[1]] * len(rows)).to_tensor()}
    return tf.data.Dataset.from_tensor_slices(texts | tokens)


def ids_of(text):
    ids = [*VOCABULARY.encode(text), EOS]
    return np.array(ids + [0] * (LENGTH - len(ids)), np.int32)


@pytest.mark.parametrize("mode", ["predict", "score", "predict_with_aux"])
def test_a_file_is_the_one_t5x_wrote(mode, shared, tmp_path):
    golden = shared / "golden" / "t5x_outputs" / "infer" / f"toy-{mode}.jsonl-00000-of-00001"
    rows = [json.loads(line) for line in golden.read_text().splitlines()]
    results = [np.float32(row["score"]) if mode == "score" else ids_of(row["prediction"]) for row in rows]
    aux = {"scores": [np.float32(row["aux"]["scores"]) for row in rows]} if mode == "predict_with_aux" else {}
    write_inferences_to_file(str(tmp_path / "out"), (results, aux), examples_of(rows), mode, vocabulary=VOCABULARY)
    assert (tmp_path / "out").read_bytes() == golden.read_bytes()


ROWS = [{"inputs": {"inputs_pretokenized": "say"}}]


def line(tmp_path, result, **arguments):
    path = str(tmp_path / "out")
    write_inferences_to_file(path, ([result], {}), examples_of(ROWS), "predict", vocabulary=VOCABULARY, **arguments)
    return json.loads((tmp_path / "out").read_text())


def test_ids_are_written_whole_when_asked_for(tmp_path):
    long = np.concatenate([ids_of("yes"), np.zeros(40, np.int32)])
    assert line(tmp_path, long, output_ids=True)["prediction_tokens"] == long.tolist()


def test_all_decodes_of_an_example_are_a_list_of_texts(tmp_path):
    assert line(tmp_path, np.stack([ids_of("no"), ids_of("yes")]))["prediction"] == ["no", "yes"]


def test_fields_can_be_chosen_or_all_taken(tmp_path):
    assert line(tmp_path, ids_of("yes"), input_fields_to_include=["inputs"])["inputs"] == {"inputs": [1]}
    everything = line(tmp_path, ids_of("yes"), include_all_inputs=True)["inputs"]
    assert everything == {"inputs_pretokenized": "say", "inputs": [1]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_fields_to_include": ["imputs"]}, "'imputs'.*inputs_pretokenized"),
        ({"input_fields_to_include": ["inputs"], "include_all_inputs": True}, "set one of them"),
    ],
)
def test_a_mistake_in_the_fields_is_explained(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        line(tmp_path, ids_of("yes"), **arguments)


def test_fewer_results_than_examples_are_never_written_as_if_complete(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_inferences_to_file(str(tmp_path / "out"), ([1.0], {}), examples_of(ROWS * 2), "score")
