"""One row of a task as a training example: draws style, template and exemplars, and makes the prompt fit.

Every draw is a function of (seed, row id, epoch): the same wherever, whenever and in whichever order rows are wanted.
Enters: the rows of a task, and of the pool its exemplars come from. Leaves: a `Fitted` example, or `LeftOut` with the
reason. Effects: reads the rows it needs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

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
from flan_mixtures.rendering.row import Row
from flan_mixtures.rendering.style import Style, StyleDistribution
from flan_mixtures.rendering.template import Family, Template

# Rows looked at for one exemplar before giving up: the query itself and rows equal to it do not serve.
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
) -> Fitted | LeftOut:
    """Returns row `index` as an example, drawn from `styles`."""
    return run([composing(data, index, styles, lengths, seed=seed, epoch=epoch)], one_by_one(encode))[0]


def composing(
    data: TaskData, index: int, styles: StyleDistribution, lengths: Lengths, *, seed: int = 0, epoch: int = 0
) -> Fitting:
    """Makes row `index` an example, drawn from `styles`: a generator for `fit.run`, which makes many together."""
    row = data.rows[index]
    if row.row_id in data.excluded:
        return LeftOut(row.task, row.row_id, EXCLUDED)
    rng = Draws(seed, row.row_id, epoch)
    style = styles.draw(rng)
    fitted = yield from _fit(data, row, style, styles.name, lengths, rng)
    if style.inverted and isinstance(fitted, LeftOut) and fitted.reason == TARGET_TOO_LONG:
        # What an inversion predicts is often the longest field; the row is still good for the forward task.
        fitted = yield from _fit(data, row, dataclasses.replace(style, inverted=False), styles.name, lengths, rng)
    return fitted


def _fit(data: TaskData, row: Row, style: Style, style_name: str, lengths: Lengths, rng: Draws) -> Fitting:
    inverted = style.inverted and bool(data.family.inversions)
    few_shot = data.family.inversions if inverted else data.family.few_shot
    zero_shot = data.family.inversions if inverted else data.family.zero_shot
    key = rng.bits()
    alone, among = rng.choice(zero_shot), rng.choice(few_shot)
    exemplars = _exemplars(data, row, style.shots, rng) if style.shots else []
    templates = _exemplar_templates(among, few_shot, len(exemplars), style, rng)
    shots = tuple(Shot(each, template) for each, template in zip(exemplars, templates, strict=True))

    def rendering(query: Row, kept: Sequence[Shot]) -> Example:
        template = among if kept else alone
        return render(query, template, style, kept, family=data.family, seed=key, style_name=style_name)

    return fit(row, shots, rendering, data.long, lengths)


def _exemplar_templates(
    query: Template, templates: Sequence[Template], count: int, style: Style, rng: Draws
) -> list[Template]:
    """Returns a template per exemplar. Mixed ones predict what the query's does: a prompt asks for one thing."""
    if style.templates == "same" or not query.mixable:
        return [query] * count
    others = [each for each in templates if each.mixable and each.predicts == query.predicts]
    return [rng.choice(others) for _ in range(count)]


def _exemplars(data: TaskData, query: Row, count: int, rng: Draws) -> list[Row]:
    """Returns up to `count` different rows of the pool, never the query, one that says the same, or an excluded one."""
    pool = data.pool
    found: dict[str, Row] = {}
    tried: set[int] = set()
    size = len(pool)
    for _ in range(min(size, count) * _TRIES_PER_SHOT):
        if len(found) == count:
            break
        index = rng.randrange(size)
        if index in tried:
            continue
        tried.add(index)
        row = pool[index]
        if row.row_id not in data.excluded and row.row_id != query.row_id and row.fields != query.fields:
            found.setdefault(row.row_id, row)
    return list(found.values())


@functools.cache
def whitespace_tokens() -> Encode:
    """Returns a stand-in for a tokenizer that takes each word for a token: for looking at prompts without one."""
    return lambda text: range(len(text.split()))
