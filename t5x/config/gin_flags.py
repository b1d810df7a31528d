"""Gin flags as T5X writes them: `--gin.X=Y` becomes `--gin_bindings=X = Y`.

A value that is no gin literal is taken as a string, so `--gin.MODEL_DIR=/a/path` needs no quotes inside quotes.
Source: T5X's `rewrite_gin_args`, which demands gin literals; every value it accepts means the same here.
Effects: none.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Sequence

from t5x.errors import UserError

PREFIX = "--gin."

# The first character tells that gin syntax was meant; an error in it is shown and never turned into a string.
_GIN_SYNTAX = tuple("[({'\"@%")

# Words of other languages for Python's literals: as strings they would silently be true.
_FOREIGN_LITERALS = {"true": "True", "false": "False", "none": "None", "null": "None"}


def is_gin_value(text: str) -> bool:
    """Whether gin reads `text` as one value: a literal, a container, `@reference` or `%MACRO`."""
    from gin import config_parser

    class Anything(config_parser.ParserDelegate):
        def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> str:
            return scoped_configurable_name

        def macro(self, macro_name: str) -> str:
            return macro_name

    try:
        if any(token.type == tokenize.COMMENT for token in tokenize.generate_tokens(io.StringIO(text).readline)):
            return False  # gin would drop the rest of the value
        parser = config_parser.ConfigParser(text, Anything())
        parser.parse_value()
        return parser.current_token.type in (tokenize.NEWLINE, tokenize.ENDMARKER)
    except (SyntaxError, tokenize.TokenError, ValueError):
        return False


def gin_value(name: str, text: str) -> str:
    """Returns `text` as gin source: unchanged if it is gin's, else quoted.

    Raises:
      UserError: no value at all, or `true`, `false`, `none`, `null`, which a string would hide.
    """
    if not text.strip():
        raise UserError(f"{PREFIX}{name}= has no value. For an empty string write {PREFIX}{name}='\"\"'.")
    literal = _FOREIGN_LITERALS.get(text.strip().lower())
    if literal and text.strip() != literal:
        raise UserError(
            f"{PREFIX}{name}={text}: gin writes this value {literal}. For the word itself write"
            f" {PREFIX}{name}='\"{text}\"'."
        )
    if text.lstrip().startswith(_GIN_SYNTAX) or is_gin_value(text):
        return text
    return repr(text)


def rewrite_gin_args(args: Sequence[str]) -> list[str]:
    """Returns `args` with every `--gin.X=Y` as `--gin_bindings=X = Y`, other arguments untouched.

    Raises:
      UserError (a ValueError): `--gin.X` without `=`, or with a value that cannot be meant.
    """
    rewritten = []
    for arg in args:
        if not arg.startswith(PREFIX):
            rewritten.append(arg)
            continue
        name, equals, value = arg.removeprefix(PREFIX).partition("=")
        if not equals or not name.strip():
            raise UserError(f"{arg!r} is no gin binding: write {PREFIX}NAME=VALUE, with `=` and without spaces.")
        rewritten.append(f"--gin_bindings={name.strip()} = {gin_value(name.strip(), value)}")
    return rewritten
