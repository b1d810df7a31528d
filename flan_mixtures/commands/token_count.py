"""What commands count lengths with: a SentencePiece model, or words where there is none.

Enters: a path, or the data folder. Leaves: a function that makes the counting function, in worker processes too, and
what is counted. Effects: reads the model; says on stderr when there is none.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

from flan_mixtures.rendering.compose import whitespace_tokens
from flan_mixtures.rendering.fit import Encode
from flan_mixtures.rendering.tokenizer import T5_MODEL_FILE, tokenizer
from flan_mixtures.sources import data_root
from t5x.errors import UserError


@dataclasses.dataclass(frozen=True)
class TokenCount:
    """How lengths are counted.

    Attributes:
      make_encode: returns the function from a text to its tokens.
      unit: what is counted: `tokens` or `words`.
    """

    make_encode: Callable[[], Encode]
    unit: str


def token_count(vocabulary: str | None) -> TokenCount:
    """Returns how lengths are counted: by the given model, else by that of the data folder, else in words.

    Raises:
      UserError: the given model is not there, or one that is found is no SentencePiece model.
    """
    if vocabulary or _in_data_folder():
        found = tokenizer(vocabulary)
        found()  # so that a broken file is reported before anything else is done
        return TokenCount(found, "tokens")
    print(
        f"note: tokens are counted as words: there is no {T5_MODEL_FILE} in the data folder. --vocabulary names a"
        " SentencePiece model.",
        file=sys.stderr,
    )
    return TokenCount(whitespace_tokens, "words")


def _in_data_folder() -> bool:
    try:
        return (data_root.directory() / T5_MODEL_FILE).is_file()
    except UserError:  # no folder is set; one that is wrong is reported when the first task is looked for
        return False
