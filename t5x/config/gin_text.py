"""Gin configs as text: the statements of files and of everything they include, in order, without importing gin.

Enters: names of gin files and the folders to search, or binding strings.
Leaves: `Statement` records with their place, for help, for checks before slow imports, and for messages.
Source: the grammar of gin-config 0.5 (Python tokens; bindings, blocks, includes, imports).
Effects: reads the files.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Sequence
from typing import NamedTuple

from t5x.config.gin_files import find_gin_file, open_gin_file
from t5x.errors import UserError

REQUIRED = "gin.REQUIRED"


class Statement(NamedTuple):
    """One binding as written. `key` is scope/selector.parameter, or a macro's name; `file` is None for a flag."""

    file: str | None
    line: int
    key: str
    value: str
    macros: tuple[str, ...]
    comment: str

    @property
    def is_macro(self) -> bool:
        """Whether the statement defines a macro rather than binding a parameter."""
        return "." not in self.key

    @property
    def place(self) -> str:
        """`path:line`, or the flag that wrote the binding."""
        return f"{self.file}:{self.line}" if self.file else f"--gin.{self.key}"


def _logical_lines(text: str, file: str | None) -> list[tuple[int, list[str], str, int]]:
    """Returns (line number, token strings, trailing comment, indentation depth) for each logical line."""
    lines, tokens, comment, first, depth = [], [], "", 0, 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.INDENT:
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
            elif token.type == tokenize.COMMENT:
                comment = token.string.lstrip("# ") if tokens else ""
            elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                if tokens:
                    lines.append((first, tokens, comment, depth))
                tokens, comment = [], ""
            elif token.type != tokenize.NL:
                first = first if tokens else token.start[0]
                tokens = [*tokens, token.string]
    except (tokenize.TokenError, SyntaxError) as error:
        place = f"{file}: " if file else ""
        raise UserError(f"{place}this is no valid gin text: {error.args[0]} (line {error.args[1][0]}).") from None
    return lines


def _macros_in(tokens: Sequence[str]) -> tuple[str, ...]:
    """Returns the names after each `%`, dots and slashes included."""
    names = []
    for position, token in enumerate(tokens):
        if token == "%":
            name = ""
            for part in tokens[position + 1 :]:
                expects_name = name == "" or name[-1] in "./"
                if part.isidentifier() if expects_name else part in "./":
                    name += part
                else:
                    break
            names.append(name)
    return tuple(names)


def _value_text(tokens: Sequence[str]) -> str:
    return "".join(f"{token} " if token in (",", ":") else token for token in tokens).strip()


def statements_in(text: str, file: str | None = None) -> list[Statement | str]:
    """Returns the bindings of `text` in order, and an include line as the name of the file it includes."""
    found: list[Statement | str] = []
    block = ""
    for line, tokens, comment, depth in _logical_lines(text, file):
        if tokens[0] in ("import", "from"):
            continue
        if tokens[0] == "include" and len(tokens) == 2:
            found.append(tokens[1].strip("'\""))
        elif tokens[-1] == ":" and "=" not in tokens:
            block = "".join(tokens[:-1])
        elif "=" in tokens:
            cut = tokens.index("=")
            name, value = "".join(tokens[:cut]), tokens[cut + 1 :]
            key = f"{block}.{name}" if depth and block else name
            found.append(Statement(file, line, key, _value_text(value), _macros_in(value), comment))
    return found


def scan_files(files: Sequence[str], search_paths: Sequence[str]) -> list[Statement]:
    """Returns every binding of `files` and of what they include, in the order in which gin would read them.

    Raises:
      UserError: a file or an include that does not exist, with the file and the folders searched.
    """

    def scan(name: str, parents: tuple[str, ...]) -> list[Statement]:
        try:
            path = find_gin_file(name, search_paths)
        except UserError as error:
            if not parents:
                raise
            raise UserError(f"{parents[-1]} includes {name!r}, which was not found. {error}") from None
        if path in parents:
            raise UserError(f"{parents[-1]} includes {name!r}, which includes it again.")
        with open_gin_file(path, search_paths) as file:
            statements = statements_in(file.read(), path)
        nested = [scan(item, (*parents, path)) if isinstance(item, str) else [item] for item in statements]
        return [statement for group in nested for statement in group]

    return [statement for name in files for statement in scan(name, ())]


def scan_bindings(bindings: Sequence[str]) -> list[Statement]:
    """Returns the bindings given by flags; one that is no binding is left to gin's own parser."""
    found = []
    for binding in bindings:
        try:
            found += [item for item in statements_in(binding) if isinstance(item, Statement)]
        except UserError:
            continue
    return found
