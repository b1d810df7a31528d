"""The SentencePiece vocabulary of mini Flan: where its model file lies, and how many tokens a text has.

Ids 0, 1 and 2 are padding, end of sequence and unknown, as in T5. Every word of the
task families and every number from 0 to 99 is one piece; characters outside the training text fall back to bytes, so
any text round-trips (a no-break space comes back as a space). `train_vocabulary` makes the file.
Effects: reads package data, once.
"""

from __future__ import annotations

import functools
import pathlib

import sentencepiece

VOCABULARY_FILE = pathlib.Path(__file__).parent / "vocabulary.model"


@functools.cache
def processor() -> sentencepiece.SentencePieceProcessor:
    """Returns the tokenizer."""
    return sentencepiece.SentencePieceProcessor(model_file=str(VOCABULARY_FILE))


def count_tokens(text: str) -> int:
    """Returns the number of tokens of a text, without the end-of-sequence token."""
    return len(processor().encode(text))
