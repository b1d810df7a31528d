"""A SentencePiece vocabulary whose TensorFlow tokeniser is made once per process.

SeqIO makes two of them per task, at seconds each for a large vocabulary, and a line of log each.
Effects: none on import.
"""

from __future__ import annotations

import functools

import seqio
import tensorflow as tf
import tensorflow_text as tf_text


class SharedTokenizerVocabulary(seqio.SentencePieceVocabulary):
    """Equals any other SentencePiece vocabulary with the same pieces, wherever that one's file lies."""

    tokenizer_cls: type = tf_text.SentencepieceTokenizer

    @property
    def tf_tokenizer(self) -> tf_text.SentencepieceTokenizer | tf_text.FastSentencepieceTokenizer:
        return _tensorflow_tokenizer(self.sp_model, self.tokenizer_cls)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, seqio.SentencePieceVocabulary):
            return False
        return self is other or (self.extra_ids == other.extra_ids and self.sp_model == other.sp_model)

    __hash__ = None


@functools.cache
def _tensorflow_tokenizer(sp_model: bytes, tokenizer_cls: type):
    with tf.init_scope():  # outside the function that is being traced, so that later ones can use it
        return tokenizer_cls(model=sp_model)
