"""The one exception for mistakes that the person running the program can mend.

The command line prints its message as one paragraph and exits with status 2; from Python it is a `ValueError`.
Anything else that escapes is a defect of the program and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in a config, a file or a command; the message names the thing, its value, and the way out."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Returns ` Did you mean 'a', 'b'?` for the known names closest to `name`, or an empty string."""
    matches = difflib.get_close_matches(name, sorted(known), n=count, cutoff=0.5)
    return f" Did you mean {', '.join(repr(match) for match in matches)}?" if matches else ""
