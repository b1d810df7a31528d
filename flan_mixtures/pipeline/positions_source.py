"""A SeqIO data source whose elements are positions in a mixture, with the seed and the split they belong to.

One pipeline serves a mixture of any number of tasks: it opens no file and draws nothing, and an iterator's place in a
checkpoint is a number. `train` has no end, since every pass over a task renders its rows anew; `training_examples`
gives it one, for caching. The other splits hold each row of each task once. Effects: the other splits' sizes are read.
"""

from __future__ import annotations

import math

import seqio
import tensorflow as tf

import gin
from flan_mixtures.mixtures.arcs import LAST_POSITION
from flan_mixtures.mixtures.mixture import TRAIN
from flan_mixtures.pipeline.laid_out import laid_out
from t5x.errors import UserError

SPLITS = (TRAIN, "validation", "test")
# Positions that one worker prepares at a time for a cache, and the most pieces that gives: enough for a large cluster.
PIECE = 5_000
MOST_PIECES = 1_000


class PositionsSource(seqio.DataSource):
    """The positions of one mixture."""

    def __init__(self, name: str):
        """Makes the source of the mixture `name`; looks at nothing."""
        super().__init__(splits=SPLITS, performs_internal_shuffling=True)
        self.name = name

    @property
    def supports_arbitrary_sharding(self) -> bool:
        return True

    def list_shards(self, split: str) -> list[str]:
        """Returns the pieces that caching prepares side by side. Raises UserError where the split has no end."""
        if split == TRAIN and training_examples() is None:
            raise UserError(
                f"The split {TRAIN!r} of {self.name!r} has no end: its rows are rendered anew in every pass. Say how "
                "many examples the cache shall have: --gin.positions_source.training_examples.count=100000."
            )
        pieces = math.ceil(self._row_count(split, seed=0) / PIECE)
        return [f"{split} {piece}" for piece in range(max(1, min(pieces, MOST_PIECES)))]

    def _row_count(self, split: str, seed: int) -> int:
        if split == TRAIN:
            return training_examples() or LAST_POSITION
        return laid_out(self.name, split, seed).row_count

    def get_dataset(
        self,
        split: str = TRAIN,
        shuffle: bool = True,
        seed: int | None = None,
        shard_info: seqio.ShardInfo | None = None,
        **_: object,
    ) -> tf.data.Dataset:
        """Returns positions. A mixture's order comes from the seed (0 where none is given), whatever `shuffle` says."""
        first, step = (shard_info.index, shard_info.num_shards) if shard_info else (0, 1)
        seed = int(seed or 0)
        last = self._row_count(split, seed)
        constant = {"seed": tf.constant(seed, tf.int64), "split": tf.constant(split)}
        return tf.data.Dataset.range(first, last, step).map(lambda position: {"position": position, **constant})


@gin.configurable
def training_examples(count: int | None = None) -> int | None:
    """Returns how many positions one pass over a training split has, as bound in gin; None for no end."""
    return count
