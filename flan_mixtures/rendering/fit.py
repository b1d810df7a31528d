"""Making a prompt fit the requested lengths without ever cutting it blindly.

Exemplars are dropped whole, the farthest from the query first. If the query alone is too long, the fields that the
declaration allows to be shortened are, and its own wording, its options and its answer cue stay whole. What still does
not fit is left out as a whole and named. Lengths are in tokens and include EOS. Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence

from flan_mixtures.rendering.example import Example
from flan_mixtures.rendering.prompt import Shot
from flan_mixtures.rendering.row import Row
from flan_mixtures.rendering.shorten import shorten

Encode = Callable[[str], Sequence[int]]
EncodeMany = Callable[[list[str]], list[Sequence[int]]]
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


# Fitting asks for the token ids of some texts, is sent them, and ends with its result: so that the texts of many
# examples are tokenised together, which takes half the time.
Fitting = Generator[list[str], list[Sequence[int]], Fitted | LeftOut]


def fit(
    row: Row,
    shots: Sequence[Shot],
    rendering: Callable[[Row, Sequence[Shot]], Example],
    long_fields: Mapping[str, str],
    lengths: Lengths,
) -> Fitting:
    """Returns, as the generator's value, the example with as many exemplars as fit.

    Args:
      row: the query.
      shots: exemplars, the farthest from the query first.
      rendering: makes the example of a query and exemplars.
      long_fields: fields of the query that may be shortened, with the part that is left out.
      lengths: what must not be exceeded.
    """
    room = lengths.inputs - EOS
    example = rendering(row, shots)
    inputs, targets = yield [example.inputs, example.targets]
    if len(targets) > lengths.targets - EOS:
        return LeftOut(row.task, row.row_id, TARGET_TOO_LONG)
    if len(inputs) <= room:
        return Fitted(example, inputs, targets)
    # How many of the first exemplars must go. Where some that are gone are too few, fewer are too: halving is enough.
    fewest, most = 1, len(shots)
    fitted: Fitted | None = None
    while fewest <= most:
        gone = (fewest + most) // 2
        example = rendering(row, shots[gone:])
        inputs, targets = yield [example.inputs, example.targets]
        if len(inputs) <= room:
            fitted = Fitted(dataclasses.replace(example, dropped_shots=gone), inputs, targets)
            most = gone - 1
        else:
            fewest = gone + 1
    if not fitted:
        return (yield from _shortened(row, rendering, long_fields, lengths, len(shots)))
    if len(fitted.targets) > lengths.targets - EOS:  # without exemplars another template serves, of another target
        return LeftOut(row.task, row.row_id, TARGET_TOO_LONG)
    return fitted


def _shortened(
    row: Row,
    rendering: Callable[[Row, Sequence[Shot]], Example],
    long_fields: Mapping[str, str],
    lengths: Lengths,
    wanted_shots: int,
) -> Fitting:
    """Returns the query alone, with its long fields shortened, the longest first, as little as needed."""
    room = lengths.inputs - EOS
    names = [name for name in long_fields if name in row.fields]
    sizes = dict(zip(names, map(len, (yield [row.fields[name] for name in names])), strict=True))
    cut: list[str] = []
    for name in sorted(sizes, key=lambda each: -sizes[each]):
        fields = dict(row.fields)
        keep = sizes[name]
        while True:
            example = rendering(dataclasses.replace(row, fields=fields), ())
            inputs, targets = yield [example.inputs, example.targets]
            excess = len(inputs) - room
            if excess <= 0 or keep <= FEWEST_FIELD_TOKENS:
                break
            keep = max(FEWEST_FIELD_TOKENS, keep - excess)
            fields[name] = yield from shorten(row.fields[name], long_fields[name], keep)
        if fields[name] != row.fields[name]:
            cut.append(name)
        row = dataclasses.replace(row, fields=fields)
        if len(targets) > lengths.targets - EOS:  # an inversion predicts, say, the long field
            return LeftOut(row.task, row.row_id, TARGET_TOO_LONG)
        if excess <= 0:
            example = dataclasses.replace(example, shortened=tuple(cut), dropped_shots=wanted_shots)
            return Fitted(example, inputs, targets)
    return LeftOut(row.task, row.row_id, QUERY_TOO_LONG)


def run(fittings: Sequence[Fitting], encode: EncodeMany) -> list[Fitted | LeftOut]:
    """Returns the results of several fittings, in order; what they ask for at a time is tokenised together."""
    results: list[Fitted | LeftOut | None] = [None] * len(fittings)
    sent: dict[int, list[Sequence[int]] | None] = dict.fromkeys(range(len(fittings)))
    while sent:
        asked: dict[int, list[str]] = {}
        for number, ids in sent.items():
            try:
                asked[number] = fittings[number].send(ids)
            except StopIteration as end:
                results[number] = end.value
        found = iter(encode([text for texts in asked.values() for text in texts])) if asked else iter(())
        sent = {number: [next(found) for _ in texts] for number, texts in asked.items()}
    return results


def one_by_one(encode: Encode) -> EncodeMany:
    """Returns a function of many texts from a function of one."""
    return lambda texts: [encode(text) for text in texts]
