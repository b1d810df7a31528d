"""A SeqIO task that can be cached offline, and that does on the fly exactly what it did without that.

SeqIO hides the requested lengths from every preprocessor before the cache, also where nothing is cached; but prompts
are rendered to fit them, and rows too long for them are counted from the texts. So such a task has two pipelines: one
on the fly, from the source; and one in two halves, with the cache between. The second half leaves out what is longer
than the lengths of the run, and says how much that is: a cached example is never cut.
Effects: reading a cache with lengths below those of its longest example counts the examples that are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import seqio
import tensorflow as tf

_LOG = logging.getLogger(__name__)

Preprocessor = Callable[..., tf.data.Dataset]


class CacheableTask(seqio.Task):
    """A task with a pipeline on the fly and one for its cache."""

    def __init__(
        self,
        name: str,
        *,
        preprocessors: Sequence[Preprocessor],
        cached_preprocessors: Sequence[Preprocessor],
        **of_both: object,
    ):
        """Makes the task.

        Args:
          name: the task's.
          preprocessors: from the source's elements to the model's features.
          cached_preprocessors: the same up to what the cache holds, EOS included; SeqIO gives them no lengths.
          **of_both: the other arguments of seqio.Task.
        """
        whole = [*cached_preprocessors, seqio.CacheDatasetPlaceholder(), leave_out_longer]
        super().__init__(name, preprocessors=whole, **of_both)
        self._on_the_fly = seqio.Task(name, preprocessors=preprocessors, **of_both)

    def get_dataset(
        self,
        sequence_length: Mapping[str, int] | None = None,
        split: str = "train",
        use_cached: bool = False,
        **more: object,
    ) -> tf.data.Dataset:
        """As seqio.Task's; a cache is not kept in memory, since every checkpoint of an iterator would hold it."""
        if not use_cached:
            return self._on_the_fly.get_dataset(sequence_length, split, **more)
        self._report_longer(sequence_length, split)
        return super().get_dataset(sequence_length, split, use_cached=True, **{**more, "try_in_mem_cache": False})

    def replace(self, **kwargs: object) -> seqio.Task:
        """Returns a variant for use on the fly, as seqio.Task's `replace` does."""
        return self._on_the_fly.replace(**kwargs)

    def _report_longer(self, sequence_length: Mapping[str, int] | None, split: str) -> None:
        limits = _limits(sequence_length, self.output_features)
        stats = self.get_cached_stats(split)
        # SeqIO does not count the EOS of an example.
        if all(stats.get(f"{name}_max_tokens", 0) + 1 <= limit for name, limit in limits.items()):
            return
        cached = self._get_cached_source(split).get_dataset(split, shuffle=False)
        count = int(cached.filter(lambda row: ~_fits(row, limits)).reduce(0, lambda total, _: total + 1))
        if count:
            shown = ", ".join(f"{name} {limit}" for name, limit in sorted(limits.items()))
            _LOG.warning(
                "%s: %d of %d cached examples are longer than %s tokens and are left out; raise the lengths, or write "
                "the cache with these.",
                *(self.name, count, stats["examples"], shown),
            )


def leave_out_longer(
    dataset: tf.data.Dataset,
    output_features: Mapping[str, seqio.Feature],
    sequence_length: Mapping[str, int] | None = None,
) -> tf.data.Dataset:
    """Returns the examples whose features, EOS included, are no longer than `sequence_length`."""
    limits = _limits(sequence_length, output_features)
    return dataset.filter(lambda row: _fits(row, limits)) if limits else dataset


def _limits(lengths: Mapping[str, int] | None, features: Mapping[str, seqio.Feature]) -> dict[str, int]:
    return {name: (lengths or {})[name] for name in features if (lengths or {}).get(name)}


def _fits(row: Mapping[str, tf.Tensor], limits: Mapping[str, int]) -> tf.Tensor:
    return tf.reduce_all([tf.size(row[name]) <= limit for name, limit in limits.items()])
