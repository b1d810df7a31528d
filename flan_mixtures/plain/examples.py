"""The examples of a mixture as an iterator of plain dicts.

Enters: a mixture's name, lengths, a vocabulary file. Leaves: dicts as `mixtures/plain_row.py` makes them.
Effects: reads sources; starts processes if asked to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from flan_mixtures.mixtures.mixture import TRAIN
from flan_mixtures.mixtures.names import names
from flan_mixtures.mixtures.plain_row import plain_row, until_none_come
from flan_mixtures.mixtures.read import Order, read, read_with_workers
from flan_mixtures.rendering.fit import Fitted, Lengths
from flan_mixtures.rendering.tokenizer import tokenizer
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError


def mixture_names() -> tuple[str, ...]:
    """Returns the name of every mixture that comes with the package. A task and a style, as rte_zsopt, is one too."""
    return names()


def examples(
    mixture: str,
    *,
    inputs_length: int,
    targets_length: int,
    start: int = 0,
    seed: int = 0,
    split: str = TRAIN,
    workers: int = 1,
    vocabulary: str | os.PathLike[str] | None = None,
    with_tokens: bool = False,
    sources: SourceConfig | None = None,
) -> Iterator[dict[str, Any]]:
    """Returns an iterator over a mixture's examples; of the training split it has no end.

    Args:
      mixture: a mixture's name, or a task and a style, such as `rte_zsopt`.
      inputs_length: most tokens of a prompt, EOS included.
      targets_length: most tokens of a target, EOS included.
      start: the first position that is read: the last dict's `position` plus 1 goes on after it.
      seed: another seed, another order and other prompts.
      split: of the data sets.
      workers: processes that render; the examples are the same for any number.
      vocabulary: a SentencePiece model; None for the T5 vocabulary in the data folder.
      with_tokens: adds `inputs_tokens` and `targets_tokens`, without EOS.
      sources: where data sets lie, and what happens where data is absent or broken.

    Raises:
      UserError: now, an unknown mixture, no data for it, an argument that cannot be, or no vocabulary; while reading,
        a malformed row, or a mixture that gives no example.
    """
    for name, value, least in (
        ("inputs_length", inputs_length, 2),
        ("targets_length", targets_length, 2),
        ("start", start, 0),
        ("workers", workers, 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UserError(f"examples() has {name} = {value!r}: expected a whole number, {least} or more.")
    order = Order(mixture, Lengths(inputs_length, targets_length), split, seed, sources or SourceConfig())
    make_encode = tokenizer(vocabulary)
    whole = order.mixture()
    if workers == 1:
        reads = read(whole, order.lengths, make_encode(), start)
    else:
        reads = read_with_workers(order, make_encode, workers, start)
    declarations = {part.declaration.task: part.declaration for part in whole.parts}
    return (
        plain_row(position, result, declarations[result.example.task], with_tokens)
        for position, result in until_none_come(reads, mixture)
        if isinstance(result, Fitted)
    )
