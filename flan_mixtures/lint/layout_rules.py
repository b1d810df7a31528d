"""Rules about what stands between and around the texts: delimiters, separators, prefixes, spaces, question marks.

Effects: none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flan_mixtures.lint.finding import Finding
from flan_mixtures.lint.texts import every_template, filled_texts
from flan_mixtures.rendering.option_style import STYLES
from flan_mixtures.rendering.template import OPTIONS, Family, Template

_SECOND_MARK = re.compile(r"\{(\w*question\w*|query)\}[\"'”]?\s*\?|\?\s*\?", re.IGNORECASE)
_BULLETS = {style.mark for style in STYLES if not style.labelled}
_STRAY_SPACE = re.compile(r"[^\S\n]{2,}|[^\S\n](?=\n|\Z)|(?:\A|(?<=\n))[^\S\n]")


def delimiter_collisions(family: Family) -> Iterator[Finding]:
    """Yields exemplars whose parts could not be told apart in a prompt. Zero-shot templates are never exemplars."""
    for template in (*family.few_shot, *family.inversions):
        for message in _collisions(template, family.options and not template.predicts):
            yield Finding(family.name, template.id, "delimiter", message)


def second_question_marks(family: Family) -> Iterator[Finding]:
    """Yields question marks after a question, which brings its own."""
    for template in every_template(family):
        for name, text in filled_texts(template):
            if _SECOND_MARK.search(text):
                yield Finding(family.name, template.id, "question-mark", f"`{name}` would show `??`: {text!r}")


def stray_spaces(family: Family) -> Iterator[Finding]:
    """Yields spaces that are doubled or stand at the edge of a line, and prefixes that stick to what follows."""
    texts = [("", "instructions", text) for text in family.instructions]
    texts += [(template.id, name, text) for template in every_template(family) for name, text in filled_texts(template)]
    for template_id, name, text in texts:
        if _STRAY_SPACE.search(text) or text != text.strip("\n"):
            yield Finding(family.name, template_id, "spacing", f"`{name}` has stray spaces or line ends: {text!r}")
    for template in every_template(family):
        for name in ("input_prefix", "target_prefix"):
            prefix = getattr(template, name)
            if "  " in prefix:
                yield Finding(family.name, template.id, "spacing", f"`{name}` has two spaces in a row: {prefix!r}")
            if prefix and (prefix[-1].isalnum() or prefix[-1] in ":.,?!"):
                yield Finding(family.name, template.id, "spacing", f"`{name}` sticks to what follows: {prefix!r}")


def _collisions(template: Template, shows_options: bool) -> Iterator[str]:
    if not template.delimiter:
        yield "the delimiter is empty"
    if not template.separator:
        yield "the separator is empty"
        return
    if template.separator == template.delimiter:
        yield f"separator and delimiter are both {template.separator!r}"
    question = template.input_with_options if shows_options else template.input
    said = template.exemplar_target or template.target
    body = f"{template.input_prefix}{question}{template.delimiter}{template.target_prefix}{said}"
    if template.separator != template.delimiter and template.separator in body:
        yield f"the separator {template.separator!r} also occurs within an example"
    prefix = template.target_prefix.strip()
    if prefix and len(re.findall(rf"(?<!\w){re.escape(prefix)}", body)) > 1:
        yield f"the target prefix {prefix!r} occurs twice in an example"
    if shows_options and prefix in _BULLETS:
        yield f"the target prefix {prefix!r} is also a bullet that options may have, so the answer would look like one"
    if shows_options and question.endswith(f"{{{OPTIONS}}}") and "\n" not in template.delimiter:
        yield f"the delimiter {template.delimiter!r} leaves the answer in the line of the last option"
