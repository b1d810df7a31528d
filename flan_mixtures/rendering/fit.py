"""Making a prompt fit the requested lengths without ever cutting it blindly.

Exemplars are dropped whole, the farthest from the query first. If the query alone is too long, the fields that the
declaration allows to be shortened are, and its own wording, its options and its answer cue stay whole. What still does
not fit is left out as a whole and named. Lengths are in tokens and include EOS. Effects: none but the tokenizer's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from flan_mixtures.rendering.example import Example
from flan_mixtures.rendering.prompt import Shot
from flan_mixtures.rendering.row import Row
from flan_mixtures.rendering.shorten import shorten

Encode = Callable[[str], Sequence[int]]
EOS = 1  # tokens that the end-of-sequence mark takes
# Below this a shortened field says too little to be asked about; a choice of ours.
FEWEST_FIELD_TOKENS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Lengths:
    """How many tokens each feature may have, EOS included."""

    inputs: int
    targets: int


@dataclasses.dataclass(frozen=True, slots=True)
class Fitted:
    """An example that fits, with its token ids, without EOS."""

    example: Example
    inputs: Sequence[int]
    targets: Sequence[int]


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is not used, and why, in a few words that are the same for all such rows."""

    task: str
    row_id: str
    reason: str


TARGET_TOO_LONG = "target longer than the requested length"
QUERY_TOO_LONG = "query longer than the requested length"


def fit(
    row: Row,
    shots: Sequence[Shot],
    rendering: Callable[[Row, Sequence[Shot]], Example],
    long_fields: Mapping[str, str],
    lengths: Lengths,
    encode: Encode,
) -> Fitted | LeftOut:
    """Returns the example with as many exemplars as fit.

    Args:
      row: the query.
      shots: exemplars, the farthest from the query first.
      rendering: makes the example of a query and exemplars.
      long_fields: fields of the query that may be shortened, with the part that is left out.
      lengths: what must not be exceeded.
      encode: token ids of a text, without EOS.
    """
    room = lengths.inputs - EOS
    example = rendering(row, shots)
    targets = encode(example.targets)
    if len(targets) > lengths.targets - EOS:
        return LeftOut(row.task, row.row_id, TARGET_TOO_LONG)
    inputs = encode(example.inputs)
    if len(inputs) <= room:
        return Fitted(example, inputs, targets)
    # How many of the first exemplars must go: fewer never fit where more do not, so halving the range is enough.
    fewest, most = 1, len(shots)
    fitted: Fitted | None = None
    while fewest <= most:
        gone = (fewest + most) // 2
        example = rendering(row, shots[gone:])
        inputs = encode(example.inputs)
        if len(inputs) <= room:
            fitted = Fitted(dataclasses.replace(example, dropped_shots=gone), inputs, encode(example.targets))
            most = gone - 1
        else:
            fewest = gone + 1
    if fitted and len(fitted.targets) > lengths.targets - EOS:  # alone, the query may have a template that asks more
        return LeftOut(row.task, row.row_id, TARGET_TOO_LONG)
    return fitted or _shortened(row, rendering, long_fields, lengths, encode, len(shots))


def _shortened(
    row: Row,
    rendering: Callable[[Row, Sequence[Shot]], Example],
    long_fields: Mapping[str, str],
    lengths: Lengths,
    encode: Encode,
    wanted_shots: int,
) -> Fitted | LeftOut:
    """Returns the query alone, with its long fields shortened, the longest first, as little as needed."""
    room = lengths.inputs - EOS
    sizes = {name: len(encode(row.fields[name])) for name in long_fields if name in row.fields}
    cut: list[str] = []
    for name in sorted(sizes, key=lambda each: -sizes[each]):
        fields = dict(row.fields)
        keep = sizes[name]
        while True:
            example = rendering(dataclasses.replace(row, fields=fields), ())
            inputs = encode(example.inputs)
            excess = len(inputs) - room
            if excess <= 0 or keep <= FEWEST_FIELD_TOKENS:
                break
            keep = max(FEWEST_FIELD_TOKENS, keep - excess)
            fields[name] = shorten(row.fields[name], long_fields[name], keep, lambda text: len(encode(text)))
        cut.append(name)
        row = dataclasses.replace(row, fields=fields)
        targets = encode(example.targets)
        if len(targets) > lengths.targets - EOS:  # an inversion predicts, say, the long field
            return LeftOut(row.task, row.row_id, TARGET_TOO_LONG)
        if excess <= 0:
            example = dataclasses.replace(example, shortened=tuple(cut), dropped_shots=wanted_shots)
            return Fitted(example, inputs, targets)
    return LeftOut(row.task, row.row_id, QUERY_TOO_LONG)
