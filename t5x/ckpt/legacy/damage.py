"""What the readers of the older formats raise on files that are damaged, hostile or of a kind that they cannot read."""

from __future__ import annotations


class LegacyFormatError(ValueError):
    """Something in the files that is not as the format has it; the message is the rest of a sentence."""
