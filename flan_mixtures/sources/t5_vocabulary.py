"""The T5 vocabulary: 32,000 SentencePiece pieces and 100 extra ids, from a file in the data folder.

Tasks and the model must agree on it, so both take it from here. In gin: the import
`from flan_mixtures.sources import t5_vocabulary`, and `@t5_vocabulary.t5_vocabulary()`.
Effects: the file is read when a token is first asked for, never on import and never when a task is registered.
"""

from __future__ import annotations

import pathlib

import seqio
import tensorflow_text as tf_text

from flan_mixtures.sources import data_root
from flan_mixtures.sources.shared_tokenizer import SharedTokenizerVocabulary
from t5x.errors import UserError

_EXTRA_IDS = 100  # T5 paper, section 3.1.4: the sentinels of span corruption
_MODEL_FILE = "t5_vocab/sentencepiece.model"


class T5Vocabulary(SharedTokenizerVocabulary):
    """A SentencePiece vocabulary that finds its file when it is first used."""

    # Of TensorFlow's two tokenisers this one takes 1.8 times the rows per second, and gives the same tokens as the
    # Python tokeniser for all 79,908 texts of the chain-of-thought and BIG-Bench Hard files; the other differs in five.
    # It suits this model: with others, such as mini Flan's, its tokens are not those of the Python tokeniser.
    tokenizer_cls = tf_text.FastSentencepieceTokenizer

    def __init__(self) -> None:
        super().__init__(sentencepiece_model_file="", extra_ids=_EXTRA_IDS)

    def _model_context(self):
        if not self._sentencepiece_model_file:
            self._sentencepiece_model_file = str(_model_file())
        return super()._model_context()


def _model_file() -> pathlib.Path:
    file = data_root.directory() / _MODEL_FILE
    if not file.is_file():
        raise UserError(
            f"The T5 vocabulary {str(file)!r} does not exist. Put T5's sentencepiece.model there, "
            f"or set the data folder to one that holds {_MODEL_FILE}."
        )
    return file


def t5_vocabulary() -> T5Vocabulary:
    """Returns the vocabulary; its file is not read yet."""
    return T5Vocabulary()


def text_features() -> dict[str, seqio.Feature]:
    """Returns the features of a text-to-text task in this vocabulary: `inputs` and `targets`, each ended by EOS."""
    vocabulary = t5_vocabulary()
    return {name: seqio.Feature(vocabulary=vocabulary, add_eos=True) for name in ("inputs", "targets")}
