"""A SeqIO data source over rows of text that fit in memory.

Enters: a function from split to rows (mappings of name to text), called when data is asked for.
Leaves: a `tf.data.Dataset` of the same rows, made of tensors: an iterator's position is one number in a checkpoint.
Order: file order; with `shuffle`, a permutation of all rows drawn from the seed, the same in every epoch (a shuffle
buffer that holds a whole task would be written into every checkpoint). Tasks need no further shuffling, so they set
`shuffle_buffer_size=None`. Of n hosts, each has every n-th row of that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import seqio
import tensorflow as tf

from t5x.errors import UserError

Rows = Sequence[Mapping[str, str]]


class RowsSource(seqio.DataSource):
    """Rows held in memory. `num_input_examples` stays unset: SeqIO would then copy the rows into a cache that every
    checkpoint of an iterator writes out again. Use `row_count` where a number of rows is needed."""

    def __init__(self, rows: Callable[[str], Rows], splits: Iterable[str]):
        super().__init__(splits=splits, performs_internal_shuffling=True)
        self._rows = rows

    @property
    def supports_arbitrary_sharding(self) -> bool:
        return True

    def list_shards(self, split: str) -> list[str]:
        return [split]

    def rows(self, split: str) -> Rows:
        """Returns the rows of `split`, in file order. Raises UserError for a split that is unknown or empty."""
        if split not in self.splits:
            raise UserError(f"There is no split {split!r}; choose one of {', '.join(map(repr, self.splits))}.")
        rows = self._rows(split)
        if not rows:
            raise UserError(f"The split {split!r} has no rows.")
        return rows

    def row_count(self, split: str) -> int:
        """Returns the number of rows of `split`; reads the files."""
        return len(self.rows(split))

    def get_dataset(
        self,
        split: str = "train",
        shuffle: bool = True,
        seed: int | None = None,
        shard_info: seqio.ShardInfo | None = None,
        **_: object,
    ) -> tf.data.Dataset:
        """Returns the rows of `split`; if `shuffle`, in an order drawn from `seed` (0 where none is given)."""
        rows = self.rows(split)
        order = np.arange(len(rows))
        if shuffle:
            order = np.random.default_rng(int(seed or 0)).permutation(order)
        if shard_info:
            order = order[shard_info.index :: shard_info.num_shards]
        return tf.data.Dataset.from_tensor_slices({name: [rows[i][name] for i in order] for name in rows[0]})
