"""The texts of a template that the rules read. Effects: none."""

from __future__ import annotations

from collections.abc import Iterator

from flan_mixtures.rendering.template import KINDS, OPTIONS, Family, Template, slots

FRAME = ("input_prefix", "target_prefix", "delimiter", "separator")  # taken as they are, never filled


def every_template(family: Family) -> Iterator[Template]:
    """Yields the family's templates of all kinds."""
    for kind in KINDS:
        yield from family.templates(kind)


def places_options_itself(template: Template) -> bool:
    """Returns whether the file says where the options stand."""
    return template.input_with_options != f"{template.input}\n{{{OPTIONS}}}"


def filled_texts(template: Template) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of everything in which slots are filled and that the file itself holds."""
    yield "input", template.input
    if places_options_itself(template):
        yield "input_with_options", template.input_with_options
    yield "target", template.target
    if template.exemplar_target:
        yield "exemplar_target", template.exemplar_target
    if template.instruction:
        yield "instruction", template.instruction


def named(text: str) -> set[str]:
    """Returns the names in a text's braces; none where the braces are broken, which has a rule of its own."""
    try:
        return set(slots(text))
    except ValueError:
        return set()
