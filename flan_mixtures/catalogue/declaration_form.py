"""What may stand in a declaration: the type of every key, so that a slip is named where it was made.

Enters: a declaration's content, as TOML gives it. Leaves: nothing; errors name the key and its value.
What only a kind of source knows (its keys, its files) is checked where the source is made. Effects: none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from t5x.errors import UserError, nearest

LONG_POLICIES = ("head", "tail", "middle")  # the part that is cut

Check = tuple[Callable[[Any], bool], str]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value.values()))


_TEXT: Check = (_is_text, "a text, not empty")
_MAYBE_EMPTY: Check = (lambda value: isinstance(value, str), "a text")
_FIELD: Check = (_is_text, "the name of a field of the record")
_FIELDS: Check = (_is_table_of_texts, 'a table of names of fields, such as { question = "field_of_the_record" }')
_TABLE: Check = (_is_table, "a table of keys and values")
_LABELS: Check = (
    lambda value: _is_table(value) and all(map(_is_whole, value.values())),
    "a table from the record's values to places among the options, from 0, such as { entailment = 0 }",
)
_LONG: Check = (
    lambda value: _is_table(value) and all(policy in LONG_POLICIES for policy in value.values()),
    f"a table that says for a field which part is cut, one of {', '.join(LONG_POLICIES)}",
)
_SOURCES: Check = (
    lambda value: isinstance(value, list) and all(map(_is_table, value)),
    'a table [[sources]] for each place, with kind = "jsonl" and files = { train = "..." }, for instance',
)

_KEYS: Mapping[str, Check] = {
    "dataset": _TEXT,
    "templates": _TEXT,
    "sources": _SOURCES,
    "fields": _FIELDS,
    "answer": _TABLE,
    "adapter": _MAYBE_EMPTY,
    "long": _LONG,
    "rows": (lambda value: _is_whole(value) and value > 0, "a positive whole number; leave it out if it is not known"),
    "cluster": _MAYBE_EMPTY,
    "category": _MAYBE_EMPTY,
    "licence": _MAYBE_EMPTY,
    "languages": (_is_texts, 'a list of names, such as ["English"]'),
    "ordered_options": (lambda value: isinstance(value, bool), "true or false"),
}
_NEEDED = ("dataset", "templates", "sources")
_ANSWER: Mapping[str, Check] = {
    "options": (_is_texts, 'a list of texts, such as ["yes", "no"]'),
    "options_from": (lambda value: _is_text(value) or _is_texts(value), "the name of a field, or a list of names"),
    "text": _FIELD,
    "label": _FIELD,
    "labels": _LABELS,
    "labels_from": _FIELD,
    "references": _FIELD,
}
_SOURCE: Mapping[str, Check] = {
    "fields": _FIELDS,
    "answer": _TABLE,
    "labels": _LABELS,
    "adapter": _MAYBE_EMPTY,
    "id": _FIELD,
    "exemplars": _FIELD,
    "splits": _TABLE,
    "where": _TABLE,
    "hold_out": _TABLE,
    "files": (_is_table_of_texts, 'a table of paths by split, such as { train = "mine/train.jsonl" }'),
}


def check_declaration(content: Mapping[str, Any], who: str) -> None:
    """Checks a declaration's content; `who` names it in messages.

    Raises:
      UserError: an unknown key, one that is lacking, or a value of another type than its key has.
    """
    _known(content, _KEYS, who)
    for key in _NEEDED:
        if not content.get(key):
            raise UserError(f"{who} lacks {key!r}: expected {_KEYS[key][1]}.")
    _typed(content, _KEYS, who)
    _answer(content.get("answer", {}), f"{who}, [answer],")
    fields = set(content.get("fields", {}))
    for number, source in enumerate(content["sources"], start=1):
        where = f"{who}, source {number},"
        _typed(source, _SOURCE, where)
        _answer(source.get("answer", {}), f"{where} `answer`,", emptied=True)
        fields |= set(source.get("fields", {}))
    for field in content.get("long", {}):
        if field not in fields:
            raise UserError(
                f"{who} has the long field {field!r}, which is none of its fields ({', '.join(sorted(fields))})."
                f"{nearest(field, fields)}"
            )


def _answer(given: Mapping[str, Any], who: str, emptied: bool = False) -> None:
    """Checks an answer's form; in a source's own an empty value (`emptied`) drops what the task says."""
    _known(given, _ANSWER, who)
    _typed({key: value for key, value in given.items() if value or not emptied}, _ANSWER, who)


def _known(given: Mapping[str, Any], known: Mapping[str, Check], who: str) -> None:
    for key in sorted(given.keys() - known.keys()):
        close = nearest(key, known) or f" It may have {', '.join(known)}."
        raise UserError(f"{who} has the unknown key {key!r}.{close}")


def _typed(given: Mapping[str, Any], checks: Mapping[str, Check], who: str) -> None:
    for key, (fits, expected) in checks.items():
        if key in given and not fits(given[key]):
            raise UserError(f"{who} has {key} = {given[key]!r}: expected {expected}.")
