"""SeqIO tasks of a few bytes each, for runs that take seconds; gin files and flags name this module.

`toy_mixture` shuffles and packs two tasks. Each of the others has one fault that a run must report.
"""

from __future__ import annotations

import functools

import seqio
import tensorflow as tf

VOCABULARY = seqio.ByteVocabulary()
FEATURES = {
    "inputs": seqio.Feature(vocabulary=VOCABULARY),
    "targets": seqio.Feature(vocabulary=VOCABULARY),
}
ROWS = {"train": 200, "validation": 7}


def _rows(split: str, shuffle_files: bool, seed: int | None = None, *, verb: str, counts=None) -> tf.data.Dataset:
    count = (ROWS if counts is None else counts)[split]
    numbers = [str(number) for number in range(count)]
    return tf.data.Dataset.from_tensor_slices(
        {
            "inputs": tf.constant([f"{verb} {number}" for number in numbers], tf.string, [count]),
            "targets": tf.constant([f"{number} is {verb}" for number in numbers], tf.string, [count]),
        }
    )


def exact_match(targets: list[str], predictions: list[str]) -> dict[str, float]:
    """Percentage of predictions equal to their targets."""
    return {"exact_match": 100.0 * sum(map(str.__eq__, targets, predictions)) / len(targets)}


def mean_score(targets: list[str], scores: list[float]) -> dict[str, float]:
    """Mean log likelihood of the targets."""
    return {"mean_score": sum(scores) / len(scores)}


def _longer_than(dataset: tf.data.Dataset, sequence_length: dict[str, int]) -> tf.data.Dataset:
    """Keeps no example whose targets do not fit, as preprocessors that never truncate do."""
    return dataset.filter(lambda row: tf.size(row["targets"]) + 1 <= sequence_length["targets"])


def _without_targets(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return dataset.map(lambda row: row | {"targets": row["targets"][:0]})


def _add(name: str, verb: str, *extra, counts=None, metrics=(exact_match,), features=None, eos=True) -> None:
    counts = counts or ROWS
    seqio.TaskRegistry.add(
        name,
        source=seqio.FunctionDataSource(
            functools.partial(_rows, verb=verb, counts=counts),
            splits=tuple(counts),
            num_input_examples=counts,
        ),
        preprocessors=[seqio.preprocessors.tokenize, *extra, *([seqio.preprocessors.append_eos] if eos else [])],
        output_features=features or FEATURES,
        metric_fns=list(metrics),
    )


_add("toy_say", "said", metrics=(exact_match, mean_score))
_add("toy_sing", "sung")
seqio.MixtureRegistry.add("toy_mixture", [("toy_say", 2.0), ("toy_sing", 1.0)])

# Can be cached after tokenising.
_add("toy_cacheable", "said", seqio.CacheDatasetPlaceholder())

# Faults.
_add("toy_none", "said", counts={"train": 0, "validation": 7})
_add("toy_few", "said", counts={"train": 3, "validation": 7})
_add("toy_too_long", "said" * 10, _longer_than)
seqio.MixtureRegistry.add("toy_partly_too_long", [("toy_say", 1.0), ("toy_too_long", 1.0)])
_add("toy_without_targets", "said", _without_targets, eos=False)
_add(
    "toy_other_vocabulary",
    "said",
    features={name: seqio.Feature(vocabulary=seqio.ByteVocabulary(extra_ids=7)) for name in FEATURES},
)
