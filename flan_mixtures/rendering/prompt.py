"""From a row, a template, a style and exemplars to a prompt and its target: a pure function, the heart of this package.

Enters: rows and templates; every draw that is left (order of options, cue, roles) comes from the seed and the row ids.
Leaves: an `Example`. Nothing is counted or cut here; `rendering/fit.py` does that.
Source: the formats of the Flan Collection (arXiv:2301.13688), each axis made independent of the others. Effects: none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from flan_mixtures.draws import Draws
from flan_mixtures.rendering.example import Example
from flan_mixtures.rendering.option_style import MOST_OPTIONS, PLAIN, OptionStyle
from flan_mixtures.rendering.reasoning import Cue, draw_cue, possible_reasoning
from flan_mixtures.rendering.row import ANSWER, RATIONALE, Row
from flan_mixtures.rendering.style import Style
from flan_mixtures.rendering.template import OPTIONS, Family, Template
from t5x.errors import UserError, nearest

# Who speaks in a chat: the one who asks, the one who answers.
ROLES = (
    ("User", "Assistant"),
    ("Human", "AI"),
    ("Student", "Teacher"),
    ("Person A", "Person B"),
    ("Interviewer", "Expert"),
    ("Q", "A"),
)


@dataclasses.dataclass(frozen=True)
class Shot:
    """An exemplar: a row and the template that renders it."""

    row: Row
    template: Template


def render(
    row: Row,
    template: Template,
    style: Style,
    shots: Sequence[Shot] = (),
    *,
    family: Family | None = None,
    seed: int | str = 0,
    style_name: str = "",
) -> Example:
    """Returns the prompt that asks about `row` and the target.

    Args:
      row: what is asked about.
      template: its phrasing.
      style: the choice on each axis; `style.shots` is not looked at, `shots` is.
      shots: exemplars, the farthest from the query first.
      family: where few-shot instructions are taken from; without one there are none but the templates' own.
      seed: settles the draws that are left.
      style_name: goes into the example.

    Raises:
      UserError: the template names a field that the row does not have, or the row has more options than labels.
    """
    drawn = Draws(seed, row.row_id, "render")
    reasoning = _reasoning(row, template, style, shots)
    cue = draw_cue(drawn, reasoning) if reasoning else None
    roles = drawn.choice(ROLES)
    instruction = _instruction(row, template, style, family, bool(shots), drawn)
    look = _look(style, row, template, shots)
    labels = style.label_target and look is not None and look.labelled
    query = _piece(row, template, look, labels, cue, f"{seed}/{row.row_id}")
    pieces = [
        _piece(shot.row, shot.template, look, labels, cue, f"{seed}/{row.row_id}/{shot.row.row_id}", exemplar=True)
        for shot in shots
    ]
    return Example(
        inputs=_assemble(pieces, query, template, style, instruction, roles),
        targets=query.target,
        task=row.task,
        row_id=row.row_id,
        template_id=template.id,
        template_index=template.index,
        style=style_name,
        shots=tuple(shot.row.row_id for shot in shots),
        options=query.options,
        gold=query.gold,
        option_style=look.id if query.options else "",
        label_target=query.labelled,
        inverted=bool(template.predicts),
        reasoning=reasoning,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Piece:
    """One rendered row: what asks, what answers, and the template's frame around them."""

    body: str
    target: str
    template: Template
    options: tuple[str, ...] = ()
    gold: int | None = None
    labelled: bool = False


def _piece(
    row: Row,
    template: Template,
    look: OptionStyle | None,
    labels: bool,
    cue: Cue | None,
    key: str,
    exemplar: bool = False,
) -> _Piece:
    fields = dict(row.fields)
    options: tuple[str, ...] = ()
    gold = None
    labelled = False
    text = template.input
    if look and row.options and not template.predicts:
        options, gold = shuffled_options(row, key)
        text = template.input_with_options
        fields[OPTIONS] = look.block(options)
        labelled = labels and gold is not None and not look.collides(options)
        if labelled:
            fields[ANSWER] = look.label(gold)
    body = _fill(text, fields, row, template)
    if cue:
        body = cue.ask(body)
        target = cue.reply(fields[ANSWER], fields[RATIONALE])
    else:
        said = template.exemplar_target if exemplar and template.exemplar_target else template.target
        target = _fill(said, fields, row, template)
    return _Piece(body, target, template, options, gold, labelled)


def shuffled_options(row: Row, key: str) -> tuple[tuple[str, ...], int | None]:
    """Returns the row's options in an order drawn from `key`, and where the right one went.

    Options that mean something by their order (`ordered_options` of the declaration) come as they are.
    """
    if len(row.options) > MOST_OPTIONS:
        raise UserError(
            f"Row {row.row_id!r} has {len(row.options)} options; there are labels for {MOST_OPTIONS}. "
            "Leave the row out with an adapter, or declare an open answer (`text = ...`) for the task."
        )
    if row.ordered_options:
        return row.options, row.gold
    order = list(range(len(row.options)))
    Draws(key, "options").shuffle(order)
    return tuple(row.options[i] for i in order), None if row.gold is None else order.index(row.gold)


def _look(style: Style, row: Row, template: Template, shots: Sequence[Shot]) -> OptionStyle | None:
    """Returns one look for the whole prompt: the plain one where a label could be taken for something else.

    That is the text of an option of some row, or what a template puts before answers, such as `A:`.
    """
    look = style.options
    if look is None or not row.options:
        return look
    prefixes = (template.target_prefix, *(shot.template.target_prefix for shot in shots))
    if look.collides(prefixes) or any(look.collides(each.options) for each in (row, *(shot.row for shot in shots))):
        return dataclasses.replace(PLAIN, heading=look.heading, ending=look.ending, layout=look.layout)
    return look


def _reasoning(row: Row, template: Template, style: Style, shots: Sequence[Shot]) -> str:
    """Returns where rationales stand in this prompt's targets; "" where some row has none, or it is not asked for."""
    if template.predicts or any(RATIONALE not in each.fields for each in (row, *(shot.row for shot in shots))):
        return ""
    return possible_reasoning(style.reasoning, row.fields[RATIONALE])


def _instruction(
    row: Row, template: Template, style: Style, family: Family | None, few_shot: bool, drawn: Draws
) -> str:
    """Returns what is said about the task beside the templates' own words, above exemplars or a few-shot body."""
    if style.instruction == "none" or not (few_shot or template.kind == "few_shot"):
        return ""
    if template.predicts:
        return _fill(template.instruction, row.fields, row, template)
    if family is None or not family.instructions:
        return ""
    return _fill(drawn.choice(family.instructions), row.fields, row, template)


def _assemble(
    pieces: Sequence[_Piece],
    query: _Piece,
    template: Template,
    style: Style,
    instruction: str,
    roles: tuple[str, str],
) -> str:
    asks, answers = roles
    each = f"{instruction}\n" if instruction and style.instruction == "each" else ""
    if style.layout == "chat":
        turns = [f"{asks}: {each}{piece.body}\n{answers}: {piece.target}" for piece in pieces]
        turns.append(f"{asks}: {each}{query.body}\n{answers}:")
        separator = "\n"
    else:
        framed = pieces or template.kind == "few_shot"
        turns = [each + _framed(piece) + piece.target for piece in pieces]
        turns.append(each + _framed(query).rstrip() if framed else query.body)
        separator = template.separator
    if instruction and style.instruction == "once":
        turns.insert(0, instruction)
    return separator.join(turns)


def _framed(piece: _Piece) -> str:
    frame = piece.template
    return f"{frame.input_prefix}{piece.body}{frame.delimiter}{frame.target_prefix}"


def _fill(text: str, fields: dict[str, str], row: Row, template: Template) -> str:
    try:
        return text.format_map(fields)
    except KeyError as error:
        raise UserError(
            f"Template {template.id!r} names the field {error.args[0]!r}, which row {row.row_id!r} of task "
            f"{row.task!r} does not have.{nearest(str(error.args[0]), fields)} It has {', '.join(fields)}. "
            "Declare it for the task, or mend the template; `flan-mixtures lint` shows all such faults."
        ) from error
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise UserError(
            f"Template {template.id!r} of task {row.task!r} has broken braces ({error}) in {text!r}: expected names of "
            "fields, such as {question}, and two braces for one that is shown. `flan-mixtures lint` shows all of these."
        ) from error
