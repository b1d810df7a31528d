"""The SeqIO side of BIG-Bench Hard: 27 tasks per mode, scored through SeqIO's own evaluator."""

from __future__ import annotations

import pytest

seqio = pytest.importorskip("seqio")

from flan_mixtures.evals import bbh, bbh_tasks  # noqa: E402


@pytest.fixture
def data(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    return shared / "data"


@pytest.mark.parametrize("mode", bbh.MODES)
def test_a_mixture_holds_the_27_tasks_of_its_mode(mode):
    prefix = {"zero_shot": "bbh", "direct": "bbh_direct", "cot": "bbh_cot"}[mode]
    names = [task.name for task in seqio.MixtureRegistry.get(prefix).tasks]
    assert sorted(names) == sorted(f"{prefix}_{name}" for name in bbh.NAMES)


def test_validation_is_another_name_for_test(data):
    source = seqio.TaskRegistry.get("bbh_snarks").source
    assert source.rows("test") == source.rows("validation")
    assert source.row_count("test") == 178


def test_a_long_prompt_is_kept_cut_and_counted(data, caplog):
    task = seqio.TaskRegistry.get("bbh_direct_snarks")
    with caplog.at_level("WARNING"):
        rows = list(task.get_dataset({"inputs": 64, "targets": 8}, "test", shuffle=False).as_numpy_iterator())
    assert len(rows) == 178
    assert all(len(row["inputs"]) == 64 and row["inputs"][-1] == 1 for row in rows)
    message = next(record.getMessage() for record in caplog.records if "bbh_direct_snarks" in record.getMessage())
    assert "178 of 178 rows are longer than inputs 64, targets 8 tokens and will be cut" in message


def test_without_lengths_nothing_is_cut(data):
    task = seqio.TaskRegistry.get("bbh_cot_snarks")
    row = next(task.get_dataset(None, "validation", shuffle=False).as_numpy_iterator())
    assert len(row["inputs"]) > 512
    text = task.output_features["inputs"].vocabulary.decode(row["inputs"].tolist())
    assert text.endswith("A: Let's think step by step.")


def test_seqios_evaluator_scores_answers_with_and_without_reasoning(data):
    rows = seqio.TaskRegistry.get("bbh_navigate").source.rows("test")
    vocabulary = seqio.TaskRegistry.get("bbh_navigate").output_features["targets"].vocabulary

    def predict(dataset, *_):
        outputs = []
        for index, _features in dataset.as_numpy_iterator():
            answer = rows[index]["targets"]
            # Of four answers one is right, one is right after reasoning, two are wrong.
            text = [answer, f"Two steps back. So the answer is {answer}.", "maybe", answer.lower()][index % 4]
            tokens = vocabulary.encode(text)
            outputs.append((int(index), tokens + [0] * (32 - len(tokens))))  # padded, as a model's outputs are
        return outputs

    # No lengths are given, as in a run file's evaluation by generation: the longest example decides.
    evaluator = seqio.Evaluator(
        "bbh_navigate", seqio.EncDecFeatureConverter(pack=False), eval_split="validation", num_examples=100
    )
    metrics, _ = evaluator.evaluate(compute_metrics=True, step=0, predict_fn=predict, score_fn=None)
    assert metrics.result()["bbh_navigate"]["exact_match"] == 50.0


def test_a_target_is_taken_as_it_is_even_if_it_looks_like_a_sentence():
    assert bbh_tasks.postprocess("Monsters, Inc", is_target=True) == "Monsters, Inc"
    assert bbh_tasks.postprocess("The answer is Monsters, Inc.", is_target=False) == "Monsters, Inc"
