"""A SeqIO preprocessor that renders what stands at the positions of a mixture.

Rendering happens here and not in the source because only preprocessors are told the requested lengths.
Enters: elements of `PositionsSource`. Leaves: `inputs` and `targets` as token ids without EOS, their texts, and the
Flan Collection's passthrough fields. Effects: reads the mixture's sources; logs at growing intervals what is left out.
"""

from __future__ import annotations

import collections
import functools
import logging
from collections.abc import Callable, Mapping

import numpy as np
import seqio
import tensorflow as tf

import gin
from flan_mixtures.mixtures.mixture import MixturePart
from flan_mixtures.mixtures.plain_row import MOST_LEFT_OUT
from flan_mixtures.pipeline.laid_out import laid_out
from flan_mixtures.rendering.fit import EncodeMany, Fitted, LeftOut, Lengths, one_by_one
from t5x.errors import UserError

_LOG = logging.getLogger(__name__)

# What the Flan Collection was built for; used where no lengths are asked for.
PUBLIC_LENGTHS = {"inputs": 2048, "targets": 512}
# Positions rendered at a time: enough to make the way through TensorFlow cheap, few beside a batch's worth.
TOGETHER = 64
_TEXTS = (
    "_task_name",
    "_task_source",
    "_template_type",
    "_row_id",
    "_template_id",
    "inputs_pretokenized",
    "targets_pretokenized",
)


def render_positions(
    dataset: tf.data.Dataset,
    output_features: Mapping[str, seqio.Feature],
    sequence_length: Mapping[str, int] | None = None,
    *,
    name: str,
) -> tf.data.Dataset:
    """Returns the examples of the mixture `name` at these positions.

    Raises UserError where inputs and targets have different vocabularies: prompts hold both.
    """
    reader = reader_of(name, output_features, sequence_length)
    types = [tf.int32, tf.int64, tf.int32, tf.int64, tf.int32, *[tf.string] * len(_TEXTS)]

    def render(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        columns = tf.numpy_function(reader, [batch["position"], batch["seed"][0], batch["split"][0]], types)
        for column in columns:
            column.set_shape([None])
        inputs, input_sizes, targets, target_sizes, template, *texts = columns
        return {
            "inputs": tf.RaggedTensor.from_row_lengths(inputs, input_sizes),
            "targets": tf.RaggedTensor.from_row_lengths(targets, target_sizes),
            "_template_idx": template,
            **dict(zip(_TEXTS, texts, strict=True)),
        }

    return without_state(dataset.batch(TOGETHER).map(render).unbatch())


def reader_of(
    name: str, output_features: Mapping[str, seqio.Feature], sequence_length: Mapping[str, int] | None
) -> Reader:
    """Returns what renders positions to these lengths. Raises UserError for two vocabularies."""
    vocabulary = output_features["inputs"].vocabulary
    if vocabulary != output_features["targets"].vocabulary:
        raise UserError(f"The mixture {name!r} needs one vocabulary for inputs and targets, and was given two.")
    asked = {feature: (sequence_length or {}).get(feature) or size for feature, size in PUBLIC_LENGTHS.items()}
    return Reader(name, Lengths(**asked), _encoder(vocabulary))


def without_state(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset whose iterators' places can be saved although it calls Python.

    What `Reader` returns depends on its arguments alone, so there is no state to save.
    """
    options = tf.data.Options()
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return dataset.with_options(options)


def _encoder(vocabulary: seqio.Vocabulary) -> EncodeMany:
    """Returns what tokenises many texts: with SentencePiece by its own threads, which do not hold Python's lock."""
    if isinstance(vocabulary, seqio.SentencePieceVocabulary):
        return lambda texts: vocabulary.tokenizer.EncodeAsIds(texts, num_threads=-1)
    return one_by_one(vocabulary.encode)


class Reader:
    """Renders positions, and keeps count of what is left out."""

    def __init__(self, name: str, lengths: Lengths, encode: EncodeMany):
        self.name, self.lengths, self.encode = name, lengths, encode
        self._left_out: collections.Counter[tuple[str, str]] = collections.Counter()
        self._read = self._in_a_row = 0

    def __call__(self, positions: np.ndarray, seed: int, split: bytes) -> list[np.ndarray]:
        """Returns the columns of the examples at `positions`, in order. Raises UserError as `read` does."""
        return _columns(self.read(positions, seed, split))

    def read(self, positions: np.ndarray, seed: int, split: bytes) -> list[tuple[Fitted, MixturePart]]:
        """Returns the examples at `positions`, in order, each with its part.

        Raises UserError for a malformed row, or where nothing fits the lengths for long.
        """
        mixture = laid_out(self.name, split.decode(), int(seed))
        found: list[tuple[Fitted, MixturePart]] = []
        places = list(mixture.places(positions))
        for place, example in zip(places, mixture.examples_at(places, self.lengths, self.encode), strict=True):
            if isinstance(example, LeftOut):
                self._count(example)
            else:
                self._in_a_row = 0
                found.append((example, mixture.parts[place.part]))
        self._read += len(positions)
        return found

    def _count(self, row: LeftOut) -> None:
        self._left_out[row.task, row.reason] += 1
        self._in_a_row += 1
        total = self._left_out.total()
        if total >= 8 and total & (total - 1) == 0:  # at 8, 16, 32, ...
            most = ", ".join(f"{task} {count} ({reason})" for (task, reason), count in self._left_out.most_common(5))
            _LOG.warning("%s: %d of about %d rows left out so far: %s", self.name, total, self._read, most)
        if self._in_a_row >= MOST_LEFT_OUT:
            raise UserError(
                f"The mixture {self.name!r} gave no example at {self._in_a_row:,} positions in a row with "
                f"{self.lengths.inputs} input and {self.lengths.targets} target tokens; the last: {row.reason}. Raise "
                "the lengths."
            )


def _columns(found: list[tuple[Fitted, MixturePart]]) -> list[np.ndarray]:
    examples = [fitted.example for fitted, _ in found]
    texts = (
        [example.task for example in examples],
        [part.declaration.submixture for _, part in found],
        [example.template_type for example in examples],
        [example.row_id for example in examples],
        [example.template_id for example in examples],
        [example.inputs for example in examples],
        [example.targets for example in examples],
    )
    return [
        *_flat([fitted.inputs for fitted, _ in found]),
        *_flat([fitted.targets for fitted, _ in found]),
        np.array([example.template_index for example in examples], np.int32),
        *(np.array([text.encode("utf-8") for text in column], object) for column in texts),
    ]


def _flat(rows: list) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tokens of all rows, one after the other, and the length of each."""
    flat = np.concatenate([np.asarray(row, np.int32) for row in rows]) if rows else np.zeros(0, np.int32)
    return flat, np.array([len(row) for row in rows], np.int64)


def preprocessor(name: str) -> functools.partial:
    """Returns the preprocessor of one mixture."""
    return functools.partial(render_positions, name=name)


@gin.configurable
def cache_lengths(inputs: int = PUBLIC_LENGTHS["inputs"], targets: int = PUBLIC_LENGTHS["targets"]) -> dict[str, int]:
    """Returns the lengths, in tokens with EOS, that a cache's prompts are rendered to fit, as bound in gin."""
    return {"inputs": inputs, "targets": targets}


def cache_preprocessor(name: str) -> Callable[..., tf.data.Dataset]:
    """Returns the preprocessor of one mixture for its cache: SeqIO tells it no lengths, so gin does."""

    def render_for_cache(dataset: tf.data.Dataset, output_features: Mapping[str, seqio.Feature]) -> tf.data.Dataset:
        return render_positions(dataset, output_features, cache_lengths(), name=name)

    return render_for_cache
