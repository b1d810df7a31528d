"""The packed rows of a mixture, made whole in one step instead of by SeqIO's converter, which takes most of the time.

The positions are taken in windows, each rendered and packed for itself, so that an iterator's place is still a number;
the last row of a window is not as full as the others. Effects: those of `render_positions`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seqio
import tensorflow as tf

from flan_mixtures.pipeline.packing import FEATURES, pack
from flan_mixtures.pipeline.positions_source import PositionsSource
from flan_mixtures.pipeline.render_positions import reader_of, without_state

# Positions packed together. At the Flan Collection's lengths the shortest prompts fill some 14 rows of it, of which one
# is half full; larger windows are fuller and take longer until the first row.
WINDOW = 256


def packed_positions(
    source: PositionsSource,
    output_features: Mapping[str, seqio.Feature],
    sequence_length: Mapping[str, int],
    *,
    split: str,
    seed: int | None,
    shard_info: seqio.ShardInfo | None,
    num_epochs: int | None,
) -> tf.data.Dataset:
    """Returns packed rows, with the features of `seqio.EncDecFeatureConverter(pack=True)`. Raises as rendering does."""
    reader = reader_of(source.name, output_features, sequence_length)
    ends = {name: [feature.vocabulary.eos_id] * feature.add_eos for name, feature in output_features.items()}
    lengths = sequence_length["inputs"], sequence_length["targets"]

    def rows(positions: np.ndarray, seed: int, split: bytes) -> list[np.ndarray]:
        examples = [
            ([*fitted.inputs, *ends["inputs"]], [*fitted.targets, *ends["targets"]])
            for fitted, _ in reader.read(positions, seed, split)
        ]
        packed = pack(examples, *lengths)
        return [packed[name] for name in FEATURES]

    def window(batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        columns = tf.numpy_function(
            rows, [batch["position"], batch["seed"][0], batch["split"][0]], [tf.int32] * len(FEATURES)
        )
        for name, column in zip(FEATURES, columns, strict=True):
            column.set_shape([None, lengths[0] if name.startswith("encoder") else lengths[1]])
        return dict(zip(FEATURES, columns, strict=True))

    positions = source.get_dataset(split, seed=seed, shard_info=shard_info).repeat(num_epochs)
    return without_state(positions.batch(WINDOW).map(window).unbatch())
