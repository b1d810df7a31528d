"""What happens to rows longer than the requested lengths: training leaves them out, evaluation keeps and cuts them.

A target cut short would teach rationales without an answer; a question left out would change an evaluation's score.
Either way the rows are counted, and the count is logged.

A SeqIO preprocessor for between tokenising and appending EOS. Lengths are in tokens and include EOS. SeqIO's evaluator
finds lengths itself only where every preprocessor can do without them, hence the default.
Effects: the first call for a pair of lengths tokenises the task's rows once, and logs a line if any is too long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import seqio
import tensorflow as tf
from absl import logging

Preprocessor = Callable[..., tf.data.Dataset]
Texts = Callable[[], Iterable[Mapping[str, str]]]


def leave_out_long_rows(task: str, texts: Texts) -> Preprocessor:
    """Returns a preprocessor that drops rows with a feature over its length. `texts` gives all rows, to count them."""
    report = _reporter(task, texts, "are left out of training; raise the lengths to keep them")

    def leave_out(dataset: tf.data.Dataset, output_features, sequence_length=None) -> tf.data.Dataset:
        limits = _limits(sequence_length, output_features)
        if not limits:
            return dataset
        report(limits, output_features)
        return dataset.filter(
            lambda row: tf.reduce_all([tf.size(row[name]) <= limit for name, limit in limits.items()])
        )

    return leave_out


def report_long_rows(task: str, texts: Texts) -> Preprocessor:
    """Returns a preprocessor that changes nothing and logs how many rows of `task` the requested lengths will cut."""
    report = _reporter(task, texts, "will be cut at the end, which changes the score; raise the lengths, or give none")

    def report_only(dataset: tf.data.Dataset, output_features, sequence_length=None) -> tf.data.Dataset:
        limits = _limits(sequence_length, output_features)
        if limits:
            report(limits, output_features)
        return dataset

    return report_only


def count_long_rows(
    rows: Iterable[Mapping[str, str]], limits: Mapping[str, int], features: Mapping[str, seqio.Feature]
) -> int:
    """Returns how many rows have a feature with more tokens than its limit (EOS not counted in either)."""

    def is_long(text: str, name: str, limit: int) -> bool:
        # A token stands for at least one character, and SentencePiece puts one space in front. Only characters outside
        # ASCII can grow when the text is normalised. So most rows need no tokenising.
        if text.isascii() and len(text) < limit:
            return False
        return len(features[name].vocabulary.encode(text)) > limit

    return sum(any(is_long(row[name], name, limit) for name, limit in limits.items()) for row in rows)


def _limits(lengths: Mapping[str, int] | None, features: Mapping[str, seqio.Feature]) -> dict[str, int]:
    """Tokens that fit beside EOS, per feature that has a limit."""
    given = {name: (lengths or {}).get(name) for name in features}
    return {name: length - int(features[name].add_eos) for name, length in given.items() if length}


def _reporter(task: str, texts: Texts, what_happens: str) -> Callable[..., None]:
    reported: set[tuple] = set()

    def report(limits: Mapping[str, int], features: Mapping[str, seqio.Feature]) -> None:
        key = tuple(sorted(limits.items()))
        if key in reported:
            return
        reported.add(key)
        rows = list(texts())
        count = count_long_rows(rows, limits, features)
        if count:
            shown = ", ".join(f"{name} {limit + int(features[name].add_eos)}" for name, limit in sorted(limits.items()))
            logging.warning(
                "%s: %d of %d rows are longer than %s tokens and %s.", task, count, len(rows), shown, what_happens
            )

    return report
