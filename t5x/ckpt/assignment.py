"""Which leaf of a checkpoint fills which leaf of a model when their names differ.

Enters: names such as `target/encoder/layers_0/mlp/wi/kernel` and T5X's assignment map. Source: T5X's
`apply_assignment_map`: whole-name regular expressions on the model's names, a replacement with groups, None to leave
out. Effects: none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from t5x.errors import UserError


def sources(names: Iterable[str], assignment_map: Sequence[tuple[str, str | None]] | None) -> dict[str, str | None]:
    """Returns, for each name in the model, the name in the checkpoint that fills it, or None where none shall.

    Raises:
      UserError: a pattern matches no name, or is no regular expression.
    """
    result: dict[str, str | None] = {name: name for name in names}
    taken: set[str] = set()
    for pattern, replacement in assignment_map or ():
        try:
            matches = {name: match for name in result if (match := re.fullmatch(pattern, name))}
        except re.error as error:
            raise UserError(f"The assignment_map pattern {pattern!r} is no regular expression: {error}.") from error
        if not matches:
            raise UserError(
                f"The assignment_map pattern {pattern!r} matches no leaf of the model as a whole name; the names "
                f"look like {', '.join(list(result)[:3])}. Correct the pattern or remove it."
            )
        for name, match in matches.items():
            if name not in taken:
                taken.add(name)
                result[name] = None if replacement is None else match.expand(replacement)
    return result
