"""Looks for evaluation texts in one training text.

Enters: a text. Leaves: the first evaluation text found in it and the words that gave it away. Effects: none.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from flan_mixtures.decontaminate.eval_index import EvalIndex, sieve_places
from flan_mixtures.decontaminate.ngrams import ngrams, numbers, words


@dataclasses.dataclass(frozen=True)
class Match:
    """An evaluation text found in a training text.

    Attributes:
      eval_id: the evaluation text's id.
      words: the words in common, without case and punctuation.
    """

    eval_id: str
    words: str


class Decontaminator:
    """Finds the texts of an index."""

    def __init__(self, index: EvalIndex):
        self._index = index

    def overlap(self, text: str) -> Match | None:
        """Returns the first evaluation text that shares a long run of words with `text`; None where none does."""
        text_words = words(text)
        runs = self._index.runs
        for length, hashes in zip(runs, ngrams(numbers(text_words), runs), strict=True):
            candidates = np.flatnonzero(self._index.sieve[sieve_places(hashes)])
            match = self._found(text_words, candidates, hashes[candidates], length, runs[length])
            if match:
                return match
        return self.whole(text)

    def whole(self, text: str) -> Match | None:
        """Returns the evaluation text of a few words that is all `text` says; None where there is none."""
        text_words = words(text)
        entries = self._index.whole.get(len(text_words))
        if entries is None:
            return None
        (hashes,) = ngrams(numbers(text_words), [len(text_words)])
        return self._found(text_words, np.zeros(1, dtype=int), hashes, len(text_words), entries)

    def _found(
        self,
        text_words: list[str],
        starts: np.ndarray,
        hashes: np.ndarray,
        length: int,
        entries: tuple[np.ndarray, np.ndarray],
    ) -> Match | None:
        if not len(hashes):
            return None
        known, places = entries
        near = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        hits = np.flatnonzero(known[near] == hashes)
        if not len(hits):
            return None
        start = int(starts[hits[0]])
        return Match(self._index.ids[places[near[hits[0]]]], " ".join(text_words[start : start + length]))
