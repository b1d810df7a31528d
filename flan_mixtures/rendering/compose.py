"""One row of a task as a training example: draws style, template and exemplars, and makes the prompt fit.

Every draw is a function of (seed, row id, epoch): the same wherever, whenever and in whichever order rows are wanted.
Enters: the rows of a task, and of the pool its exemplars come from. Leaves: a `Fitted` example, or `LeftOut` with the
reason. Effects: reads the rows it needs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence

from flan_mixtures.draws import Draws
from flan_mixtures.rendering.example import Example
from flan_mixtures.rendering.fit import (
    TARGET_TOO_LONG,
    Encode,
    Fitted,
    Fitting,
    LeftOut,
    Lengths,
    fit,
    one_by_one,
    run,
)
from flan_mixtures.rendering.prompt import Shot, render
from flan_mixtures.rendering.row import ANSWER, RATIONALE, Row
from flan_mixtures.rendering.style import Style, StyleDistribution
from flan_mixtures.rendering.template import Family, Template

# Rows looked at for one exemplar before giving up: the query itself and rows that ask the same do not serve.
_TRIES_PER_SHOT = 4
EXCLUDED = "overlaps evaluation data"


@dataclasses.dataclass(frozen=True)
class TaskData:
    """What rendering needs of a task.

    Attributes:
      name: the task.
      family: its templates.
      rows: its rows.
      pool: where exemplars come from: other rows of the same split, or a pool of their own.
      long: fields that may be shortened, with the part that is left out.
      excluded: ids of rows and exemplars that must not be trained on: neither as the query nor beside it.
    """

    name: str
    family: Family
    rows: Sequence[Row]
    pool: Sequence[Row]
    long: Mapping[str, str] = dataclasses.field(default_factory=dict)
    excluded: frozenset[str] = frozenset()


def compose(
    data: TaskData,
    index: int,
    styles: StyleDistribution,
    lengths: Lengths,
    encode: Encode,
    *,
    seed: int = 0,
    epoch: int = 0,
    exemplars: Sequence[Row] | None = None,
) -> Fitted | LeftOut:
    """Returns row `index` as an example, drawn from `styles`.

    Where `exemplars` are given, they stand in its prompt, in this order, instead of as many as the style draws.
    """
    making = composing(data, index, styles, lengths, seed=seed, epoch=epoch, exemplars=exemplars)
    return run([making], one_by_one(encode))[0]


def composing(
    data: TaskData,
    index: int,
    styles: StyleDistribution,
    lengths: Lengths,
    *,
    seed: int = 0,
    epoch: int = 0,
    exemplars: Sequence[Row] | None = None,
) -> Fitting:
    """Makes row `index` an example as `compose` does: a generator for `fit.run`, which makes many together."""
    row = data.rows[index]
    if row.row_id in data.excluded:
        return LeftOut(row.task, row.row_id, EXCLUDED)
    rng = Draws(seed, row.row_id, epoch)
    style = styles.draw(rng)
    fitted = yield from _fit(data, row, style, styles.name, lengths, rng, exemplars)
    if style.inverted and isinstance(fitted, LeftOut) and fitted.reason == TARGET_TOO_LONG:
        # What an inversion predicts is often the longest field; the row is still good for the forward task.
        forward = dataclasses.replace(style, inverted=False)
        fitted = yield from _fit(data, row, forward, styles.name, lengths, rng, exemplars)
    return fitted


def _fit(
    data: TaskData,
    row: Row,
    style: Style,
    style_name: str,
    lengths: Lengths,
    rng: Draws,
    exemplars: Sequence[Row] | None,
) -> Fitting:
    inverted = style.inverted and bool(data.family.inversions)
    few_shot = data.family.inversions if inverted else data.family.few_shot
    zero_shot = data.family.inversions if inverted else data.family.zero_shot
    key = rng.bits()
    alone, among = rng.choice(zero_shot), rng.choice(few_shot)
    if exemplars is None:
        exemplars = _exemplars(data, row, style.shots, rng) if style.shots else ()
    templates = _exemplar_templates(among, few_shot, len(exemplars), style, rng)
    shots = tuple(Shot(each, template) for each, template in zip(exemplars, templates, strict=True))

    def rendering(query: Row, kept: Sequence[Shot]) -> Example:
        template = among if kept else alone
        return render(query, template, style, kept, family=data.family, seed=key, style_name=style_name)

    # What an inversion predicts is not in its prompt: shortening that would cut the target and nothing else.
    shown = alone.input + alone.input_with_options
    long = {name: part for name, part in data.long.items() if f"{{{name}}}" in shown and name not in alone.predicts}
    return fit(row, shots, rendering, long, lengths)


def _exemplar_templates(
    query: Template, templates: Sequence[Template], count: int, style: Style, rng: Draws
) -> list[Template]:
    """Returns a template per exemplar. Mixed ones predict what the query's does: a prompt asks for one thing."""
    if style.templates == "same" or not query.mixable:
        return [query] * count
    others = [each for each in templates if each.mixable and each.predicts == query.predicts]
    return [rng.choice(others) for _ in range(count)]


def _exemplars(data: TaskData, query: Row, count: int, rng: Draws) -> list[Row]:
    """Returns up to `count` different rows of the pool, none that asks what the query asks, none that is excluded."""
    found: dict[str, Row] = {}
    for place in _drawn_places(len(data.pool), count * _TRIES_PER_SHOT, rng):
        if len(found) == count:
            break
        row = data.pool[place]
        if row.row_id not in data.excluded and not _asks_the_same(row, query):
            found.setdefault(row.row_id, row)
    return list(found.values())


def _drawn_places(size: int, tries: int, rng: Draws) -> Iterator[int]:
    """Yields places in a pool of `size` rows: all of them, shuffled, where they are no more than the tries."""
    if size > tries:
        yield from (rng.randrange(size) for _ in range(tries))
        return
    places = list(range(size))
    rng.shuffle(places)
    yield from places


def _asks_the_same(row: Row, query: Row) -> bool:
    """Whether a row would give the query's answer away. Another answer or rationale makes no other question of it."""
    if row.row_id == query.row_id:
        return True
    asked = (name for name in query.fields if name not in (ANSWER, RATIONALE))
    return all(row.fields.get(name) == query.fields[name] for name in asked) and set(row.options) == set(query.options)


@functools.cache
def whitespace_tokens() -> Encode:
    """Returns a stand-in for a tokenizer that takes each word for a token: for looking at prompts without one."""
    return lambda text: range(len(text.split()))
