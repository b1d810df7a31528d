"""A conversation as text: a line per turn, behind its speaker's name. Pure."""

from __future__ import annotations

import string
from collections.abc import Sequence


def dialog_text(turns: Sequence[str], speakers: Sequence[int]) -> str:
    """Returns the turns as lines such as `A: Hello.`; speaker 0 is A. Raises ValueError where the lengths differ."""
    return "\n".join(
        f"{string.ascii_uppercase[speaker]}: {turn}" for speaker, turn in zip(speakers, turns, strict=True)
    )
