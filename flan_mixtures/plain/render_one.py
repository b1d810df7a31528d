"""One row as a prompt: a task's own row, or any mapping of fields.

Enters: a task of the catalogue or a template family, and where wanted a row, a style, a template, exemplars.
Leaves: a plain dict. The same arguments give the same dict. Effects: reads the task's data where no row is given.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from flan_mixtures.catalogue import catalogue
from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.draws import number
from flan_mixtures.mixtures.mixture import TRAIN, task_data
from flan_mixtures.mixtures.plain_row import described
from flan_mixtures.rendering.compose import EXCLUDED, TaskData, compose, whitespace_tokens
from flan_mixtures.rendering.fit import Encode, LeftOut, Lengths
from flan_mixtures.rendering.row import ANSWER, Row
from flan_mixtures.rendering.style import StyleDistribution
from flan_mixtures.rendering.template import KINDS, OPTIONS, Family, Template
from flan_mixtures.rendering.tokenizer import tokenizer
from flan_mixtures.sources.source_config import SourceConfig
from t5x.errors import UserError, nearest

_ROW_ID = "row_id"
_NO_LIMIT = 2**62  # tokens


def render(
    task: str,
    row: Mapping[str, Any] | None = None,
    *,
    index: int = 0,
    style: str | StyleDistribution = "zsopt",
    template: str | None = None,
    shots: int | Sequence[Mapping[str, Any]] | None = None,
    seed: int = 0,
    epoch: int = 0,
    split: str = TRAIN,
    lengths: tuple[int, int] | None = None,
    vocabulary: str | os.PathLike[str] | None = None,
    sources: SourceConfig | None = None,
) -> dict[str, Any]:
    """Returns one row as a prompt and its target, with everything about how they came to be.

    Args:
      task: a task of the catalogue; or, for a row of your own, also a template family, such as `entailment_two_way`.
      row: your own row: the fields that the templates name and `answer`; where there are any, `options`, and then
        `answer` is one of them (a task that declares its options need not be told); `rationale` for chains of thought;
        `row_id`. None takes the task's row `index`.
      index: which row of the task's data.
      style: a style's name, or one of your own.
      template: the id of the template; None draws one.
      shots: how many exemplars, or the exemplars themselves, the farthest from the query first, as rows of your own;
        None leaves their number to the style.
      seed, epoch: what is drawn depends on them and on the row's id.
      split: of the task's data.
      lengths: most tokens of prompt and target, EOS included; None for no limit.
      vocabulary: the SentencePiece model that counts them; None for the T5 vocabulary in the data folder.
      sources: where data sets lie.

    Raises:
      UserError: an unknown task, style, template or field; no such row; no exemplars where some are wanted; a row that
        does not fit; no data.
    """
    declaration, family = _known(task, own_row=row is not None)
    limits, encode = _limits(lengths, vocabulary)
    styles = catalogue.style(style) if isinstance(style, str) else style
    own_shots = None if shots is None or isinstance(shots, int) else [_row(declaration, family, each) for each in shots]
    if shots is not None:
        styles = dataclasses.replace(styles, shots={_shot_count(shots): 1.0})
    data = TaskData(task, family, (), (), declaration.long)
    if row is None or (own_shots is None and max(styles.shots) > 0):
        data = _from_sources(declaration, family, sources or SourceConfig(), split)
    if row is not None:
        data = dataclasses.replace(data, rows=(_row(declaration, family, row),))
        index = 0
    elif not 0 <= index < len(data.rows):
        raise UserError(f"Task {task!r} has no row {index}: expected 0 to {len(data.rows) - 1}, of split {split!r}.")
    if template is not None:
        data = dataclasses.replace(data, family=_with_template(family, template))
    result = compose(data, index, styles, limits, encode, seed=seed, epoch=epoch, exemplars=own_shots)
    if isinstance(result, LeftOut):
        way_out = "It is named in the file of excluded rows." if result.reason == EXCLUDED else "Raise the lengths."
        raise UserError(f"Row {result.row_id!r} of {task!r} cannot be rendered: {result.reason}. {way_out}")
    example = result.example
    if template is not None:
        found = _find(family, template)
        example = dataclasses.replace(example, template_index=family.templates(found.kind).index(found))
    return described(example, declaration)


def _known(task: str, own_row: bool) -> tuple[Declaration, Family]:
    """Returns a task's declaration and its family; for a row of the user's own, a family's name will do."""
    declaration = catalogue.find(task)
    if declaration is None and own_row:
        return Declaration(task, "", "", task, ()), catalogue.templates(task)
    declaration = declaration or catalogue.task(task)
    return declaration, catalogue.templates(declaration.templates)


def _from_sources(declaration: Declaration, family: Family, sources: SourceConfig, split: str) -> TaskData:
    if not declaration.sources:
        raise UserError(
            f"{declaration.task!r} is a template family and has no rows to take exemplars from. Give them as shots = "
            "[...], or ask for shots = 0."
        )
    return dataclasses.replace(task_data(declaration, sources, split), family=family)


def _limits(lengths: tuple[int, int] | None, vocabulary: str | os.PathLike[str] | None) -> tuple[Lengths, Encode]:
    if lengths is None:
        return Lengths(_NO_LIMIT, _NO_LIMIT), whitespace_tokens()
    return Lengths(*lengths), tokenizer(vocabulary)()


def _shot_count(shots: int | Sequence[Any]) -> int:
    count = shots if isinstance(shots, int) else len(shots)
    if count < 0:
        raise UserError(f"render() has shots = {shots}: expected 0 or more, or a list of rows.")
    return count


def _row(declaration: Declaration, family: Family, given: Mapping[str, Any]) -> Row:
    """Returns a row of the user's own. Raises UserError for a field that is missing or an answer not among options."""
    task = declaration.task
    lacking = [field for field in (*family.fields, ANSWER) if field not in given]
    if lacking:
        raise UserError(
            f"A row for {task!r} lacks {', '.join(map(repr, lacking))}.{nearest(lacking[0], given)} It has "
            f"{', '.join(given)}; templates of {family.name!r} name {', '.join((*family.fields, ANSWER))}."
        )
    options = tuple(str(option) for option in given.get(OPTIONS, declaration.answer.get(OPTIONS, ())))
    answer = str(given[ANSWER])
    if options and answer not in options:
        raise UserError(
            f"A row for {task!r} has the answer {answer!r}, which is not among its options {list(options)}."
            f"{nearest(answer, options)} Give the right option's text."
        )
    fields = {name: str(value) for name, value in given.items() if name not in (OPTIONS, _ROW_ID)}
    row_id = str(given.get(_ROW_ID) or f"{task}/given/{number(*sorted(fields.items())):016x}")
    gold = options.index(answer) if options else None
    return Row(task, row_id, fields, options, gold, (answer,), declaration.ordered_options)


def _with_template(family: Family, name: str) -> Family:
    """Returns the family with one template only, for whatever is drawn."""
    only = (_find(family, name),)
    return dataclasses.replace(family, zero_shot=only, few_shot=only, inversions=only)


def _find(family: Family, name: str) -> Template:
    known = {template.id: template for kind in KINDS for template in family.templates(kind)}
    if name not in known:
        raise UserError(
            f"Family {family.name!r} has no template {name!r}.{nearest(name, known)} It has {', '.join(known)}."
        )
    return known[name]
