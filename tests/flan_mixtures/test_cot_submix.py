"""The chain-of-thought mixture on the published files: rows, reasoning, answers, lengths, and its gin file."""

from __future__ import annotations

import collections
import importlib.util  # gin 0.5.0 uses it without importing it
import itertools
import subprocess
import sys

import pytest

seqio = pytest.importorskip("seqio")

import flan_mixtures.tasks  # noqa: E402
import gin  # noqa: E402
from flan_mixtures.evals.answer import extract_answer  # noqa: E402
from flan_mixtures.mixtures.mixture import Mixture  # noqa: E402
from flan_mixtures.mixtures.read import read  # noqa: E402
from flan_mixtures.rendering.compose import whitespace_tokens  # noqa: E402
from flan_mixtures.rendering.fit import Lengths  # noqa: E402
from flan_mixtures.rendering.reasoning import as_sentence, cues  # noqa: E402
from flan_mixtures.sources.source_config import SourceConfig  # noqa: E402
from t5x.errors import UserError  # noqa: E402

assert importlib.util
assert flan_mixtures.tasks

NAME = "cot_submix"
LENGTHS = {"inputs": 256, "targets": 256}
DATASETS = ("aqua", "creak", "ecqa", "gsm8k", "qasc", "sensemaking", "strategyqa")  # published as text
UNCUT = Lengths(10**6, 10**6)


@pytest.fixture
def data(shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    return shared / "data"


def validation(data):
    """Every row of the validation split in both styles, and its rendering."""
    mixture = Mixture(NAME, SourceConfig(), "validation")
    for position, fitted in read(mixture, UNCUT, whitespace_tokens()):
        (place,) = mixture.places([position])
        yield mixture.data(mixture.parts[place.part]).rows[place.row], fitted.example


def test_importing_the_tasks_reads_no_data_and_needs_no_data_folder(root):
    code = (
        "import os, seqio\n"
        "opened, pread = [], os.pread\n"
        "os.pread = lambda *given: opened.append(given) or pread(*given)\n"
        "import flan_mixtures.tasks, flan_mixtures.evals.bbh_tasks\n"
        "print(opened, 'cot_submix' in seqio.TaskRegistry.names(), len(seqio.MixtureRegistry.get('bbh').tasks))"
    )
    environment = {"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=environment
    )
    assert done.stdout.strip() == "[] True 27"


def test_rows_are_read_and_rendered_without_tensorflow_and_jax(root):
    code = (
        "import sys, flan_mixtures.mixtures.read, flan_mixtures.evals.bbh, flan_mixtures.evals.exact_match\n"
        "print([name for name in ('tensorflow', 'seqio', 'jax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_training_and_validation_rows_make_up_the_files(data):
    sizes = collections.Counter()
    for split in ("train", "validation"):
        mixture = Mixture(NAME, SourceConfig(), split)
        assert {part.declaration.dataset for part in mixture.parts} == set(DATASETS)
        for part in mixture.parts:
            sizes[part.declaration.task, split] = len(mixture.data(part).rows)
    assert sum(sizes.values()) == 33_443  # `wc -l` of the seven files
    assert (sizes["cot_qasc", "train"], sizes["cot_qasc", "validation"]) == (1058, 26)


def test_the_mixture_follows_the_published_sizes(data):
    shares = collections.Counter()
    for part in Mixture(NAME).parts:
        shares[part.declaration.task] += part.share
    assert shares["cot_gsm8k"] / shares["cot_qasc"] == pytest.approx(7473 / 1084)


def test_the_answer_can_be_taken_back_out_of_every_target(data):
    found = collections.Counter()
    for row, example in validation(data):
        if not example.inverted:
            assert extract_answer(example.targets) == row.fields["answer"].removesuffix(".")
            if example.reasoning == "rationale_first":
                assert example.targets.startswith(as_sentence(row.fields["rationale"]))
            found[row.task, example.reasoning] += 1
    assert {task for task, _ in found} == {f"cot_{dataset}" for dataset in DATASETS}
    assert {reasoning for _, reasoning in found} == {"rationale_first", "answer_first"}


def test_a_zero_shot_question_that_is_reasoned_about_asks_for_it(data):
    asked = [cue.cue for cue in cues("rationale_first")]
    for row, example in itertools.islice(validation(data), 1000):
        if not example.inverted and example.style == "zsopt":
            assert row.fields["question"] in example.inputs
            assert any(cue in example.inputs for cue in asked)


def test_every_phrasing_is_used_about_equally_often(data):
    mixture = Mixture("cot_creak_zsopt")
    reads = itertools.islice(read(mixture, UNCUT, whitespace_tokens()), 3000)
    forward = [fitted.example for _, fitted in reads if not fitted.example.inverted]
    for cue in cues("rationale_first"):
        used = sum(cue.cue in example.inputs for example in forward)
        assert 0.75 < used * len(cues("rationale_first")) / len(forward) < 1.25, cue.id


@pytest.mark.parametrize("reasoning", ["rationale_first", "answer_first", "direct"])
def test_the_cues_are_sound(reasoning):
    known = cues(reasoning)
    assert len(known) >= 3
    assert len({cue.id for cue in known}) == len({cue.cue for cue in known}) == len(known)
    for cue in known:
        target = cue.target.format(rationale="It is so.", answer="7")
        if reasoning == "direct":
            assert target == "7"
        elif reasoning == "rationale_first":
            assert target.startswith("It is so.")
            assert target.endswith("he answer is 7.")
        else:
            assert target.startswith("The answer is 7.\n")
            assert target.endswith("It is so.")


def test_a_full_stop_is_added_only_where_no_end_mark_stands():
    assert as_sentence("2 + 2 = 4") == "2 + 2 = 4."
    assert as_sentence("It is so.") == "It is so."
    assert as_sentence('He said "no."') == 'He said "no."'


def test_order_depends_on_the_seed_alone(data):
    def texts(seed):
        dataset = seqio.get_mixture_or_task(NAME).get_dataset(LENGTHS, "train", seed=seed, num_epochs=None)
        return [row["inputs_pretokenized"] for row in dataset.take(40).as_numpy_iterator()]

    assert texts(7) == texts(7)
    assert not set(texts(7)) & set(texts(8))


def test_rows_too_long_are_left_out_whole_and_counted(data, caplog):
    task = seqio.get_mixture_or_task("cot_submix")
    with caplog.at_level("WARNING"):
        dataset = task.get_dataset({"inputs": 60, "targets": 40}, "train", seed=1, num_epochs=None)
        rows = list(dataset.take(60).as_numpy_iterator())
    assert all(row["targets"][-1] == row["inputs"][-1] == 1 for row in rows)
    for row in rows:
        kept = task.output_features["targets"].vocabulary.decode(row["targets"][:-1].tolist())
        assert kept.split() == row["targets_pretokenized"].decode().split()
    assert "rows left out so far: cot_" in caplog.text


def test_no_data_folder_is_said_when_data_is_asked_for(monkeypatch):
    monkeypatch.delenv("FLAN_MIXTURES_DATA", raising=False)
    with pytest.raises(UserError, match=r"no data folder is set|No data folder is set"):
        seqio.get_mixture_or_task(NAME).get_dataset(LENGTHS, "validation")


def test_the_metric_counts_the_extracted_answers():
    task = seqio.get_mixture_or_task(NAME)
    targets = [task.postprocess_fn(text, is_target=True) for text in ("Because. So the answer is (D).", "(A)")]
    predictions = [task.postprocess_fn(text, is_target=False) for text in ("Hm. The answer is (D).", "(B)")]
    assert task.metric_fns[0](targets, predictions) == {"exact_match": 50.0}


def test_the_gin_file_names_the_mixture_and_gives_the_model_the_same_vocabulary(root, data):
    with gin.unlock_config():
        gin.parse_config_file(str(root / "gin" / "data" / "cot.gin"))
        name = gin.query_parameter("%MIXTURE_OR_TASK_NAME")
        vocabulary = gin.query_parameter("%VOCABULARY").scoped_configurable_fn()
        gin.clear_config()
    assert name == NAME
    assert vocabulary == seqio.get_mixture_or_task(name).output_features["targets"].vocabulary
