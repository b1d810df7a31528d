"""Makes a row of a record, as the task's declaration says.

Enters: a declaration, the mapping of the source that the record is from, the record, the row's id.
Leaves: a `Row`, or None where the task's adapter leaves the record out.
How the right option is found, in this order: where `labels_from` names a list beside the options, the label's place in
it; where there is a table `labels`, what the table says; else the label is the text of an option, or an index. A number
is an index where the record brings its own options: one of those may read `1` by chance.
Text is stripped at both ends and otherwise left as it is, HTML included.
Effects: imports the adapter's module on first use.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from flan_mixtures.catalogue import adapters
from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.rendering.option_style import MOST_OPTIONS
from flan_mixtures.rendering.row import ANSWER, Row
from t5x.errors import UserError, nearest

_FORMS = ("options", "options_from", "text")  # the keys of `[answer]` that exclude each other
_HIDDEN = ("-1", "", "None")  # what data sets write where the labels of a test split are kept back


class _Drift(Exception):
    """Something is wrong with a record; the text says what, the caller adds which record."""


@dataclasses.dataclass(frozen=True)
class RowForm:
    """How records of one source become rows of a task: what the declaration and the source say, taken together.

    Attributes:
      declaration: the task.
      adapter: the name of the function that each record goes through first, or "".
      fields: template field -> path in the record.
      answer: what `[answer]` of a declaration holds.
    """

    declaration: Declaration
    adapter: str
    fields: Mapping[str, str]
    answer: Mapping[str, Any]


def row_form(declaration: Declaration, source_mapping: Mapping[str, Any]) -> RowForm:
    """Returns the form of a task's rows from one of its sources."""
    return RowForm(
        declaration,
        adapter_name(declaration, source_mapping),
        {**declaration.fields, **source_mapping.get("fields", {})},
        answer_form(declaration, source_mapping),
    )


def to_row(
    declaration: Declaration, source_mapping: Mapping[str, Any], record: Mapping[str, Any], row_id: str
) -> Row | None:
    """Returns the row that a record of one of the task's sources stands for, or None where its adapter leaves it out.

    Raises UserError as `row_of` does.
    """
    return row_of(row_form(declaration, source_mapping), record, row_id)


def row_of(form: RowForm, record: Mapping[str, Any], row_id: str) -> Row | None:
    """Returns the row that a record stands for, or None where the task's adapter leaves it out.

    Raises:
      UserError: a declared field is absent, empty or of the wrong type; the options are none, too many or not distinct;
        the right one is not among them, or hidden. Names task, data set, row, and the fields that the record has.
    """
    declaration = form.declaration
    try:
        adapted = _adapted(form.adapter, record)
        if adapted is None:
            return None
        texts = {field: _text(adapted, path) for field, path in form.fields.items()}
        options, gold, references = _answer(form.answer, adapted)
    except _Drift as problem:
        raise UserError(
            f"Row {row_id!r} of task {declaration.task!r} (data set {declaration.dataset!r}) does not fit the task's "
            f"declaration: {problem}. The record has the fields {', '.join(sorted(map(str, record)))}. If the data set "
            "has changed, adapt `fields` and `answer` of the source in the declaration; if only some rows are broken, "
            "have them skipped and counted: SourceConfig.on_malformed = 'skip', or --on-malformed skip."
        ) from problem
    texts[ANSWER] = references[0]
    return Row(declaration.task, row_id, texts, options, gold, references, declaration.ordered_options)


def answer_form(declaration: Declaration, source_mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the task's `[answer]` with the source's own `answer` and `labels` in it, key by key.

    A source that states another form (`text` for `options`, say) drops the task's; an empty value drops a key.
    """
    own = dict(source_mapping.get("answer", {}))
    if "labels" in source_mapping:
        own["labels"] = source_mapping["labels"]
    given = dict(declaration.answer)
    if any(form in own for form in _FORMS):
        given = {key: value for key, value in given.items() if key not in _FORMS}
    return {key: value for key, value in {**given, **own}.items() if value or value == 0}


def adapter_name(declaration: Declaration, source_mapping: Mapping[str, Any]) -> str:
    """Returns the adapter for records of a source: the source's own, or else the task's; empty for none."""
    return source_mapping.get("adapter", declaration.adapter)


@functools.cache
def adapter_module(name: str) -> ModuleType:
    """Returns the module `flan_mixtures/catalogue/adapters/<name>.py`. Raises UserError where there is none."""
    known = [module.name for module in pkgutil.iter_modules(adapters.__path__)]
    if name not in known:
        raise UserError(
            f"There is no adapter {name!r}.{nearest(name, known)} The adapters are the files in "
            "flan_mixtures/catalogue/adapters/."
        )
    return importlib.import_module(f"{adapters.__name__}.{name}")


def leaves_out(name: str, record: Mapping[str, Any]) -> bool:
    """Returns whether an adapter leaves a record out; one that it cannot read is not left out, `to_row` reports it."""
    try:
        return _adapted(name, record) is None
    except _Drift:
        return False


def _adapted(name: str, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if not name:
        return record
    adapt: Callable[[Mapping[str, Any]], dict[str, Any] | None] = adapter_module(name).adapt
    try:
        return adapt(record)
    except KeyError as error:
        raise _Drift(f"the adapter {name!r} misses the field {error}") from error
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise _Drift(f"the adapter {name!r} cannot read it ({error})") from error


def _value(record: Any, path: str) -> Any:
    """Returns what stands at a path; a list of structures gives the list of what each has there."""
    if isinstance(record, (dict, Mapping)):  # `dict` first: a check against the abstract class alone is slow
        if path in record:
            return record[path]
        first, dot, rest = path.partition(".")
        if dot and first in record:
            return _value(record[first], rest)
    elif isinstance(record, (list, Sequence)) and not isinstance(record, str):
        return [_value(entry, path) for entry in record]
    raise _Drift(f"there is no field {path!r}")


def _text(record: Mapping[str, Any], path: str) -> str:
    return _stripped(_value(record, path), path)


def _stripped(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _Drift(f"the field {path!r} should be text and is {_kind(value)}")
    text = value.strip()
    if not text:
        raise _Drift(f"the field {path!r} is empty")
    return text


def _texts(value: Any, path: str) -> list[str]:
    if isinstance(value, str):
        return [_stripped(value, path)]
    if not isinstance(value, (list, Sequence)):
        raise _Drift(f"the field {path!r} should be text or a list of texts and is {_kind(value)}")
    if not value:
        raise _Drift(f"the field {path!r} is an empty list")
    return [_stripped(entry, path) for entry in value]


def _kind(value: Any) -> str:
    return "absent (null)" if value is None else f"of type {type(value).__name__}"


def _answer(form: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None, tuple[str, ...]]:
    """Returns the options, the place of the right one, and all answers that count, the right one first."""
    if "text" in form:
        found = _texts(_value(record, form["text"]), form["text"])
        return (), None, _references(found[0], found, form, record)
    options = _options(form, record)
    if "label" not in form:
        raise _Drift("its `[answer]` has options and no `label`")
    gold = _gold(form, record, options)
    return options, gold, _references(options[gold], (), form, record)


def _references(
    answer: str, found: Sequence[str], form: Mapping[str, Any], record: Mapping[str, Any]
) -> tuple[str, ...]:
    more = _value(record, form["references"]) if "references" in form else ()
    more = [text.strip() for text in more if isinstance(text, str) and text.strip()]
    return tuple(dict.fromkeys((answer, *found, *more)))


def _options(form: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[str, ...]:
    where = form.get("options_from")
    if "options" in form:
        options, shown = list(form["options"]), "options"
    elif isinstance(where, str):
        options, shown = _texts(_value(record, where), where), where
    elif where:
        options, shown = [_text(record, path) for path in where], ", ".join(where)
    else:
        raise _Drift("its `[answer]` has none of `options`, `options_from` and `text`")
    if len(options) > MOST_OPTIONS:
        raise _Drift(f"there are {len(options)} options in {shown!r}, and labels for {MOST_OPTIONS}")
    twice = next((option for place, option in enumerate(options) if option in options[:place]), None)
    if twice is not None:
        raise _Drift(f"the option {twice!r} stands twice in {shown!r}")
    return tuple(options)


def _gold(form: Mapping[str, Any], record: Mapping[str, Any], options: tuple[str, ...]) -> int:
    path = form["label"]
    label = _value(record, path)
    word = _word(label)
    if "labels_from" in form:
        beside = [_word(entry) for entry in _value(record, form["labels_from"])][: len(options)]
        place = beside.index(word) if word in beside else None
    elif "labels" in form:
        place = {str(key): index for key, index in form["labels"].items()}.get(word)
        place = options.index(word) if place is None and word in options else place
    elif word in options and ("options" in form or not _is_number(label)):
        place = options.index(word)
    else:
        place = _index(label)
    if place is not None and 0 <= place < len(options):
        return place
    if word in _HIDDEN:
        raise _Drift(
            f"its label {path!r} is {label!r}, so it is hidden: this split comes without answers, use another one"
        )
    raise _Drift(f"its label {path!r} is {label!r}, which is none of the {len(options)} options {list(options)}")


def _word(label: Any) -> str:
    """Returns a label as the tables of declarations write it: `true`, `3`, `entailment`."""
    return str(label).lower() if isinstance(label, bool) else str(label).strip()


def _is_number(label: Any) -> bool:
    return isinstance(label, int) and not isinstance(label, bool)


def _index(label: Any) -> int | None:
    if isinstance(label, int):
        return int(label)
    return int(label) if isinstance(label, str) and label.strip().isdecimal() else None
