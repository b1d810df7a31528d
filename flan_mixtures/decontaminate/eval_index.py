"""An index of evaluation texts by hashes, for finding them in training texts.

A text of `n` words or more is there by every run of n words in it, and one such run gives it away. A shorter text is
there as a whole: of at least `MIN_WORDS` words, it is found anywhere in a training text; shorter still ("Which of these
is true?"), only where it is all that a training text says. Texts below `MIN_WHOLE_WORDS` words are not looked for: a
question such as "Solve." says nothing without its choices, with which it is there too.
Memory: 12 bytes per run and 16 MiB; 29 MB for MMLU and BIG-Bench Hard together. Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from flan_mixtures.decontaminate.eval_texts import EvalText
from flan_mixtures.decontaminate.ngrams import ngrams, numbers, words
from t5x.errors import UserError

DEFAULT_N = 13  # the longest that GPT-3's authors used; theirs lay between 8 and 13, after the lengths in a set
MIN_WORDS = 8  # the shortest that GPT-3's authors used
MIN_WHOLE_WORDS = 4

_SIEVE_BITS = 24  # 16 MiB of flags: of a million runs' first 24 bits, one in 16 flags is set


@dataclasses.dataclass(frozen=True)
class EvalIndex:
    """Hashes of runs of words, and which evaluation text each comes from. Made by `build`.

    Attributes:
      n: words in a run.
      ids: the evaluation texts' ids.
      runs: for each length of run, its hashes, sorted, and the place in `ids` of the first text that holds each.
      whole: the same for texts that only count as a whole training text, by length.
      sieve: for the first bits of a hash of a run, whether any run has them; most lookups end here.
    """

    n: int
    ids: tuple[str, ...]
    runs: Mapping[int, tuple[np.ndarray, np.ndarray]]
    whole: Mapping[int, tuple[np.ndarray, np.ndarray]]
    sieve: np.ndarray


def build(texts: Iterable[EvalText], n: int = DEFAULT_N) -> EvalIndex:
    """Returns the index of `texts` with runs of `n` words. Raises UserError for too small an `n`, and for no texts."""
    if n < MIN_WORDS:
        raise UserError(
            f"Runs of {n} words are too short to tell evaluation texts from ordinary language: set n to {MIN_WORDS} or "
            f"more; {DEFAULT_N} is usual."
        )
    ids: list[str] = []
    runs: dict[int, list[tuple[np.ndarray, int]]] = {}
    whole: dict[int, list[tuple[np.ndarray, int]]] = {}
    for place, item in enumerate(texts):
        ids.append(item.id)
        for text in item.texts:
            word_numbers = numbers(words(text))
            length = min(len(word_numbers), n)
            if length >= MIN_WHOLE_WORDS:
                kind = whole if length < MIN_WORDS else runs
                kind.setdefault(length, []).append((*ngrams(word_numbers, [length]), place))
    if not runs and not whole:
        raise UserError("There are no evaluation texts to look for. Give the folder of at least one evaluation set.")
    sieve = np.zeros(1 << _SIEVE_BITS, dtype=bool)
    for hashes, _ in (entry for found in runs.values() for entry in found):
        sieve[sieve_places(hashes)] = True
    return EvalIndex(
        n=n,
        ids=tuple(ids),
        runs={length: _sorted(found) for length, found in sorted(runs.items(), reverse=True)},
        whole={length: _sorted(found) for length, found in sorted(whole.items())},
        sieve=sieve,
    )


def sieve_places(hashes: np.ndarray) -> np.ndarray:
    """Returns where in a sieve the flags of some hashes stand."""
    return hashes >> np.uint64(64 - _SIEVE_BITS)


def _sorted(found: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    hashes = np.concatenate([hashes for hashes, _ in found])
    places = np.repeat(np.array([place for _, place in found], np.int32), [len(hashes) for hashes, _ in found])
    unique, first = np.unique(hashes, return_index=True)
    return unique, places[first]
