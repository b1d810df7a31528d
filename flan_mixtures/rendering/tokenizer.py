"""A SentencePiece tokenizer without TensorFlow: counts tokens where prompts are made to fit.

Enters: a model file; the T5 vocabulary of the data folder where none is named. Leaves: a function from text to token
ids, without EOS. Effects: reads the file, once per process and only when called.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import pathlib

import sentencepiece

from flan_mixtures.rendering.fit import Encode
from flan_mixtures.sources import data_root
from t5x.errors import UserError

T5_MODEL_FILE = "t5_vocab/sentencepiece.model"  # below the data folder


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """A model file, checked to be there. Calling it gives the function; it pickles, so worker processes can do that.

    Attributes:
      path: the model file.
    """

    path: str

    def __call__(self) -> Encode:
        """Returns the function from text to token ids. Raises UserError for a file that is no SentencePiece model."""
        return make_encode(self.path)

    @property
    def name(self) -> str:
        """The file's folder and name, which say more than its name alone."""
        return "/".join(pathlib.Path(self.path).parts[-2:])

    @property
    def sha256(self) -> str:
        """The checksum of the file, in hexadecimal digits."""
        return hashlib.sha256(pathlib.Path(self.path).read_bytes()).hexdigest()


def tokenizer(path: str | os.PathLike[str] | None = None) -> Tokenizer:
    """Returns the tokenizer in a model file.

    Args:
      path: the file; None for the T5 vocabulary in the data folder.

    Raises:
      UserError: there is no such file, or no data folder where none was named.
    """
    file = pathlib.Path(path).expanduser() if path else data_root.directory() / T5_MODEL_FILE
    if not file.is_file():
        way_out = (
            "Name the file of a SentencePiece model."
            if path
            else "Put T5's sentencepiece.model there, or name a vocabulary file, or set "
            f"{data_root.ENVIRONMENT_VARIABLE} to a folder that holds {T5_MODEL_FILE}."
        )
        found = "is a folder" if file.is_dir() else "does not exist"
        raise UserError(f"The vocabulary {str(file)!r} {found}. {way_out}")
    return Tokenizer(str(file))


@functools.cache
def make_encode(path: str) -> Encode:
    """Returns the function from text to token ids, without EOS. Raises UserError for a file that is no model."""
    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=path)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"The vocabulary {path!r} is no SentencePiece model: {error}. Name a file that SentencePiece trained."
        ) from error
    return processor.EncodeAsIds
