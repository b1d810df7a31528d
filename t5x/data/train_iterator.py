"""The training data as an iterator whose position can be saved and restored.

The position counts what training has consumed: batches that tf.data prepared ahead are part of it and are handed out
after a restore, so a resumed run reads exactly what an uninterrupted one would have.
Effects: reads data; reads and writes position files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf


class TrainIterator(Iterator[dict[str, np.ndarray]]):
    """Batches as numpy arrays."""

    def __init__(self, dataset: tf.data.Dataset, check_first: Callable[[dict[str, np.ndarray]], None] | None = None):
        """Starts at the beginning of the dataset; `check_first` looks at the first batch that is read."""
        self._dataset = dataset
        self._iterator = iter(dataset)
        self._check_first = check_first

    def __next__(self) -> dict[str, np.ndarray]:
        batch = {name: tensor.numpy() for name, tensor in next(self._iterator).items()}
        if self._check_first is not None:
            self._check_first(batch)
            self._check_first = None
        return batch

    def save(self, path_prefix: str) -> None:
        """Writes the position to files that begin with `path_prefix`."""
        tf.train.Checkpoint(iterator=self._iterator).write(path_prefix)

    def restore(self, path_prefix: str) -> None:
        """Goes to a position that `save` wrote, of the same pipeline."""
        tf.train.Checkpoint(iterator=self._iterator).read(path_prefix).assert_consumed()

    def skip(self, batches: int) -> None:
        """Goes past this many batches from the beginning, for a checkpoint that holds no position."""
        self._iterator = iter(self._dataset.skip(batches))
