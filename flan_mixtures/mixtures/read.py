"""Reading a mixture from a position on: rendered examples in order, in one process or several.

Enters: a mixture, lengths and a tokenizer. Leaves: what stands at each position, in order, examples and rows that are
left out alike. Several processes read runs of positions, which are put in order again, so that their number
changes nothing. Effects: reads sources; starts processes if asked to.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import itertools
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator

from flan_mixtures.mixtures.mixture import TRAIN, Mixture
from flan_mixtures.rendering.fit import Encode, Fitted, LeftOut, Lengths
from flan_mixtures.sources.source_config import SourceConfig

_RUN = 256  # positions that a process reads at a time: a fraction of a second's work


@dataclasses.dataclass(frozen=True)
class Order:
    """What is read: everything that the examples depend on.

    Attributes:
      name: the mixture.
      lengths: what examples must fit.
      split, seed, sources: as of `Mixture`.
    """

    name: str
    lengths: Lengths
    split: str = TRAIN
    seed: int = 0
    sources: SourceConfig = dataclasses.field(default_factory=SourceConfig)

    def mixture(self) -> Mixture:
        """Lays the mixture out."""
        return Mixture(self.name, self.sources, self.split, self.seed)


Read = tuple[int, Fitted | LeftOut]


def read(mixture: Mixture, lengths: Lengths, encode: Encode, start: int = 0) -> Iterator[Read]:
    """Yields position and example from `start` on.

    The training split has no end, since every pass over a task renders its rows anew; others end with their last row.
    """
    for position in itertools.count(start) if mixture.split == TRAIN else range(start, mixture.row_count):
        (place,) = mixture.places([position])
        yield position, mixture.example_at(place, lengths, encode)


def read_with_workers(order: Order, make_encode: Callable[[], Encode], workers: int, start: int = 0) -> Iterator[Read]:
    """Yields the same as `read`, made by `workers` processes, which each lay the mixture out for themselves.

    Args:
      order: what is read.
      make_encode: called once in each process; must be a function of a module, so that it reaches them.
      workers: 1 reads in this process.
      start: the first position.
    """
    if workers == 1:
        yield from read(order.mixture(), order.lengths, make_encode(), start)
        return
    context = multiprocessing.get_context("spawn")  # forked processes and threads of libraries do not agree
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _prepare, (order, make_encode))
    try:
        runs: collections.deque[concurrent.futures.Future[list[Read]]] = collections.deque()
        first = start
        while True:
            while len(runs) < 2 * workers:  # enough that no worker waits, few enough to stay small
                runs.append(pool.submit(_read_run, first))
                first += _RUN
            examples = runs.popleft().result()
            yield from examples
            if len(examples) < _RUN:
                return
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_here: dict[str, object] = {}  # what a worker process has laid out


def _prepare(order: Order, make_encode: Callable[[], Encode]) -> None:
    logging.getLogger("flan_mixtures").setLevel(logging.ERROR)  # whoever asks for rows has said what is missing
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here.update(mixture=order.mixture(), lengths=order.lengths, encode=make_encode())


def _end_with_parent() -> None:
    """Ends this process when the one that started it was killed; it would wait for work for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _read_run(first: int) -> list[Read]:
    mixture, lengths, encode = _here["mixture"], _here["lengths"], _here["encode"]
    end = first + _RUN
    positions = range(first, end if mixture.split == TRAIN else min(end, mixture.row_count))
    return [
        (position, mixture.example_at(place, lengths, encode))
        for position, place in zip(positions, mixture.places(positions), strict=True)
    ]
