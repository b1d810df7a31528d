"""What a mixture will hold, computed before any data is read: rows, tokens and epochs of each part.

Enters: parts with declared rows, weights and, where known, mean tokens; and how much is to be read, as examples,
tokens, packed batches or the counts of a schedule. Leaves: a table as data. Effects: none.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from t5x.errors import UserError


@dataclasses.dataclass(frozen=True)
class PreviewPart:
    """One part of a mixture.

    Attributes:
      name: of the part.
      rows: how many it has.
      weight: share, of the sum of the weights.
      mean_tokens: of one example, input and target together; None where unknown.
    """

    name: str
    rows: int
    weight: float
    mean_tokens: float | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """What will be read of one part.

    Attributes:
      name: of the part.
      rows: how many it has.
      share: of all examples that are read; 0 to 1.
      examples: expected examples; exact where the preview is of a schedule's counts.
      tokens: expected tokens, or None where the mean is unknown.
      epochs: how many times each of its rows is read, on average.
    """

    name: str
    rows: int
    share: float
    examples: float
    tokens: float | None
    epochs: float


@dataclasses.dataclass(frozen=True)
class Preview:
    """The whole table, in the order of the parts.

    Attributes:
      lines: one for each part.
      rows: of all parts.
      examples: that are read, of all parts.
      tokens: of all parts, or None where one that is read has no known mean.
    """

    lines: tuple[Line, ...]
    rows: int
    examples: float
    tokens: float | None

    @property
    def repeated(self) -> tuple[Line, ...]:
        """The parts whose rows are read more than once, most often first."""
        return tuple(sorted((line for line in self.lines if line.epochs > 1), key=lambda line: -line.epochs))


def preview_examples(parts: Sequence[PreviewPart], examples: float) -> Preview:
    """Returns what a number of examples holds, as expected from the weights.

    Raises:
      UserError: no parts, weights that are negative or all zero, weight on a part without rows, negative examples.
    """
    shares = _shares(parts)
    _amount("examples", examples)
    return _preview(parts, [share * examples for share in shares])


def preview_tokens(parts: Sequence[PreviewPart], tokens: float) -> Preview:
    """Returns what a budget of tokens holds, as expected from the weights.

    Raises:
      UserError: as for `preview_examples`, and for a part with weight whose mean tokens are unknown or not positive.
    """
    shares = _shares(parts)
    _amount("tokens", tokens)
    for part, share in zip(parts, shares, strict=True):
        if share and not (part.mean_tokens and part.mean_tokens > 0):
            raise UserError(
                f"Part {part.name!r} has no mean token count, which a budget in tokens needs: give one, or preview a "
                "number of examples."
            )
    mean = math.fsum(share * (part.mean_tokens or 0) for part, share in zip(parts, shares, strict=True))
    return _preview(parts, [share * tokens / mean for share in shares])


def preview_batches(
    parts: Sequence[PreviewPart], batches: int, batch_size: int, length: int, filled: float = 1.0
) -> Preview:
    """Returns what a number of packed batches holds.

    Args:
      parts: the mixture.
      batches: how many.
      batch_size: packed rows in a batch.
      length: tokens in a packed row, inputs and targets together.
      filled: the part of a packed row that is not padding; 1 gives the most that can be read.

    Raises:
      UserError: as for `preview_tokens`, and for a `filled` outside 0 to 1.
    """
    if not 0 < filled <= 1:
        raise UserError(f"Packed rows are filled by {filled}: expected more than 0 and at most 1.")
    for name, value in (("batches", batches), ("batch size", batch_size), ("length", length)):
        _amount(name, value)
    return preview_tokens(parts, batches * batch_size * length * filled)


def preview_counts(parts: Sequence[PreviewPart], counts: Sequence[int]) -> Preview:
    """Returns what exact counts of examples hold, such as `Schedule.counts(n)` gives. Raises UserError for no parts."""
    _shares(parts)
    return _preview(parts, [int(count) for count in counts])


def _preview(parts: Sequence[PreviewPart], examples: Sequence[float]) -> Preview:
    total = math.fsum(examples)
    lines = tuple(
        Line(
            name=part.name,
            rows=part.rows,
            share=read / total if total else 0.0,
            examples=read,
            tokens=None if part.mean_tokens is None else read * part.mean_tokens,
            epochs=read / part.rows if part.rows else 0.0,
        )
        for part, read in zip(parts, examples, strict=True)
    )
    tokens = [line.tokens for line in lines if line.examples]
    known = [count for count in tokens if count is not None]
    return Preview(
        lines=lines,
        rows=sum(part.rows for part in parts),
        examples=total,
        tokens=math.fsum(known) if len(known) == len(tokens) else None,
    )


def _shares(parts: Sequence[PreviewPart]) -> list[float]:
    if not parts:
        raise UserError("The mixture has no parts: name at least one task whose data is there.")
    for part in parts:
        if not (part.weight >= 0 and math.isfinite(part.weight)):
            raise UserError(f"Part {part.name!r} has the weight {part.weight}: expected 0 or a positive number.")
        if part.rows < 0 or (part.weight > 0 and part.rows == 0):
            raise UserError(f"Part {part.name!r} has {part.rows} rows and the weight {part.weight:g}: expected rows.")
    total = math.fsum(part.weight for part in parts)
    if not total > 0:
        raise UserError("Every part of the mixture has the weight 0: give at least one a positive weight.")
    return [part.weight / total for part in parts]


def _amount(name: str, value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        raise UserError(f"A preview of {value} {name} was asked for: expected 0 or a positive number.")
