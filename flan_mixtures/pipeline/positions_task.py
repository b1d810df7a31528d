"""A SeqIO task over a mixture's positions, which can also give its rows packed. Effects: none of its own."""

from __future__ import annotations

from collections.abc import Mapping

import seqio
import tensorflow as tf

from flan_mixtures.pipeline.cacheable_task import CacheableTask
from flan_mixtures.pipeline.packed_positions import packed_positions


class PositionsTask(CacheableTask):
    """A mixture of the Flan Collection as one task."""

    def packed_dataset(
        self,
        sequence_length: Mapping[str, int],
        split: str,
        *,
        seed: int | None,
        shard_info: seqio.ShardInfo | None,
        num_epochs: int | None,
    ) -> tf.data.Dataset:
        """Returns packed rows for an encoder-decoder model; a trainer that finds this method may use it."""
        return packed_positions(
            self.source,
            self.output_features,
            sequence_length,
            split=split,
            seed=seed,
            shard_info=shard_info,
            num_epochs=num_epochs,
        )
