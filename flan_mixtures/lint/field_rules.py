"""Rules about the fields that templates name: right, used, enough to go by, and not giving the answer away.

Effects: none.
"""

from __future__ import annotations

import string
from collections.abc import Iterator

from flan_mixtures.lint.finding import Finding
from flan_mixtures.lint.texts import FRAME, every_template, filled_texts, named
from flan_mixtures.rendering.row import ANSWER
from flan_mixtures.rendering.template import OPTIONS, Family, Template, predicted_fields

# Positive examples of a task that is defined in words carry it; queries do not, so only an exemplar may show it.
EXEMPLAR_FIELDS = frozenset({"explanation"})


def broken_placeholders(family: Family) -> Iterator[Finding]:
    """Yields braces that are not closed, hold no plain name, or stand where nothing is filled in."""
    texts = [("", "instructions", text) for text in family.instructions]
    texts += [(template.id, name, text) for template in every_template(family) for name, text in filled_texts(template)]
    for template_id, name, text in texts:
        fault = _brace_fault(text)
        if fault:
            yield Finding(family.name, template_id, "placeholder", f"`{name}` {fault}: {text!r}")
    for template in every_template(family):
        for name in FRAME:
            text = getattr(template, name)
            if "{" in text or "}" in text:
                message = f"`{name}` is taken as it is, so its braces would be shown: {text!r}"
                yield Finding(family.name, template.id, "placeholder", message)


def unknown_fields(family: Family) -> Iterator[Finding]:
    """Yields names in braces that the family's rows do not have, or not there."""
    for text in family.instructions:
        yield from _outside(family, "", "instructions", text, set(family.task_fields))
    everywhere = {*family.fields, ANSWER, OPTIONS}
    allowed = {"exemplar_target": everywhere | EXEMPLAR_FIELDS, "instruction": set(family.task_fields)}
    for template in every_template(family):
        for name, text in filled_texts(template):
            yield from _outside(family, template.id, name, text, allowed.get(name, everywhere))


def unused_fields(family: Family) -> Iterator[Finding]:
    """Yields fields that the family declares and no text names."""
    texts = [text for template in every_template(family) for _, text in filled_texts(template)]
    used = set().union(*(named(text) for text in (*family.instructions, *texts)))
    for field in family.fields:
        if field not in used:
            yield Finding(family.name, "", "unused-field", f"no template names the field {field!r}")


def leaks(family: Family) -> Iterator[Finding]:
    """Yields inputs that hold what the model has to say."""
    for template in every_template(family):
        given = named(template.input) | named(template.input_with_options)
        for field in predicted_fields(template):
            if field in given:
                yield Finding(family.name, template.id, "leak", f"the input shows {field!r}, which is to be predicted")


def wrong_targets(family: Family) -> Iterator[Finding]:
    """Yields targets that hold other fields than those the template predicts."""
    for template in every_template(family):
        predicted = set(predicted_fields(template))
        if named(template.target) != predicted:
            message = f"the target {template.target!r} should name just {', '.join(sorted(predicted))}"
            yield Finding(family.name, template.id, "target", message)
        if template.exemplar_target and not predicted <= named(template.exemplar_target):
            message = f"the target of exemplars {template.exemplar_target!r} lacks what the query's has"
            yield Finding(family.name, template.id, "target", message)


def empty_prompts(family: Family) -> Iterator[Finding]:
    """Yields inputs that say nothing of the row, so that no answer could be told from them."""
    for template in every_template(family):
        if not _informative(family, template):
            yield Finding(family.name, template.id, "no-information", f"the input names no field: {template.input!r}")


def _informative(family: Family, template: Template) -> bool:
    return bool(named(template.input) - {OPTIONS, *family.task_fields})


def _outside(family: Family, template_id: str, where: str, text: str, allowed: set[str]) -> Iterator[Finding]:
    for name in sorted(named(text) - allowed):
        message = f"`{where}` names {name!r}; it may name {', '.join(sorted(allowed)) or 'no field'}"
        yield Finding(family.name, template_id, "unknown-field", message)


def _brace_fault(text: str) -> str:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        return f"has broken braces ({error})"
    for _, name, spec, conversion in parts:
        if name is not None and (not name.isidentifier() or spec or conversion):
            return f"has braces that hold no plain field name ({name!r})"
    return ""
