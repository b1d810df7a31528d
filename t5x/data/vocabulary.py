"""Checks that a dataset speaks the model's vocabulary.

Source: T5X `utils.verify_matching_vocabs`.
"""

from __future__ import annotations

from typing import Any

import seqio

from t5x.data.dataset_config import DatasetConfig, find_provider
from t5x.errors import UserError


def get_vocabulary(cfg: DatasetConfig) -> tuple[Any, Any]:
    """Returns the (input, output) vocabularies of a dataset; they are one where it has no inputs.

    Raises:
      UserError: the task is not registered, or has no targets.
    """
    features = find_provider(cfg).output_features
    if "targets" not in features:
        raise UserError(f"{cfg.mixture_or_task_name!r} has no feature 'targets', only {sorted(features)}.")
    output = features["targets"].vocabulary
    return (features["inputs"].vocabulary if "inputs" in features else output), output


def describe(vocabulary: Any) -> str:
    """Returns what tells a vocabulary from others, in a few words."""
    path = getattr(vocabulary, "sentencepiece_model_file", None)
    try:
        size = f"{vocabulary.vocab_size} ids"
    except Exception as error:  # a vocabulary whose file cannot be read still has a name
        size = f"size unknown: {error}"
    return f"{type(vocabulary).__name__}({path or ''}{', ' if path else ''}{size})"


def verify_matching_vocabs(cfg: DatasetConfig, model: Any) -> None:
    """Checks that the dataset's vocabularies are the model's.

    Raises:
      UserError: they are not.
    """
    ours = (model.input_vocabulary, model.output_vocabulary)
    for side, dataset_vocabulary, model_vocabulary in zip(
        ("inputs", "targets"), get_vocabulary(cfg), ours, strict=True
    ):
        if dataset_vocabulary != model_vocabulary:
            raise UserError(
                f"the {side} of {getattr(cfg.mixture_or_task_name, 'name', cfg.mixture_or_task_name)!r} are made with "
                f"{describe(dataset_vocabulary)}, but the model reads {describe(model_vocabulary)}: its ids would mean "
                "other pieces. Use the model file of the task's vocabulary, or bind VOCABULARY to it."
            )


def check_vocabulary_fits(model: Any) -> None:
    """Raises UserError where a vocabulary has ids that the network's embedding lacks."""
    config = getattr(getattr(model, "module", None), "config", None)
    rows = getattr(config, "vocab_size", None)
    for vocabulary in (model.input_vocabulary, model.output_vocabulary):
        if rows is not None and isinstance(vocabulary, seqio.Vocabulary) and vocabulary.vocab_size > rows:
            raise UserError(
                f"the vocabulary {describe(vocabulary)} has more ids than the network's embedding has rows, {rows}; "
                "set network.T5Config.vocab_size to at least the number of ids (a multiple of 128 is fastest)."
            )
