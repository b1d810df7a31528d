"""Words of a text, and numbers that stand for the runs of n words in it.

Texts are compared as GPT-3's authors did (Brown et al. 2020, appendix C): without letter case, punctuation and spacing.
Words are what is left between signs that are neither letters nor digits, in any script.
Effects: none but a cache of the words' numbers.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator

import numpy as np

_WORD = re.compile(r"[^\W_]+")
_WORDS_KEPT = 1 << 18  # a cache of about 30 MB
# Numbers of words are the coefficients of a polynomial in an odd base, modulo 2**64: odd, so that it has an inverse.
_BASE = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio: its bits have no pattern
_INVERSE = pow(_BASE, -1, 1 << 64)


def words(text: str) -> list[str]:
    """Returns the words of a text, in lower case."""
    return _WORD.findall(text.lower())


def numbers(text_words: list[str]) -> np.ndarray:
    """Returns a 64-bit number for each word, as uint64 [words]."""
    return np.fromiter(map(_number, text_words), dtype=np.uint64, count=len(text_words))


def ngrams(word_numbers: np.ndarray, lengths: Iterable[int]) -> Iterator[np.ndarray]:
    """Yields, for each length, a 64-bit number for each run of so many words, in order, as uint64 [words - length + 1].

    Empty where there are fewer words.
    """
    # sums[i] holds the words before i, each times base**place. A difference of two, times base**-i, is a run's number.
    count = len(word_numbers)
    sums = np.zeros(count + 1, dtype=np.uint64)
    np.cumsum(word_numbers * _powers(_BASE, count), out=sums[1:])
    inverse = _powers(_INVERSE, count)
    for length in lengths:
        runs = max(count - length + 1, 0)
        yield (sums[length:] - sums[:runs]) * inverse[:runs]


@functools.lru_cache(maxsize=_WORDS_KEPT)
def _number(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


def _powers(base: int, count: int) -> np.ndarray:
    return _table_of_powers(base, 1 << max(count - 1, 1).bit_length())[:count]


@functools.cache
def _table_of_powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base, dtype=np.uint64)
    factors[0] = 1
    return np.cumprod(factors)
