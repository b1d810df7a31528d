"""Rules about answer options: a slot for them only where they are shown, and no word of them where they are not.

Effects: none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flan_mixtures.lint.finding import Finding
from flan_mixtures.lint.texts import FRAME, every_template, named, places_options_itself
from flan_mixtures.rendering.template import OPTIONS, Family

_MENTION = re.compile(
    r"\b(options?|choices?|alternatives|candidates|multiple[- ]choice"
    r"|(which|one|any|some|either|each) of (the following|these|those)"
    r"|(these|following|listed|possible)"
    r" (answers|endings|continuations|labels|solutions|verdicts|replies|categories))\b",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(r"[:,]\s*\{options\}")
_PICKING = re.compile(r"\b(choos(e|es|ing)|pick(s|ing)?|select(s|ing)?)\b", re.IGNORECASE)


def misplaced_slots(family: Family) -> Iterator[Finding]:
    """Yields options slots in texts that stand without options, and texts with options that lack the slot."""
    for text in family.instructions:
        if OPTIONS in named(text):
            yield Finding(family.name, "", "options-slot", f"an instruction has an options slot: {text!r}")
    for template in every_template(family):
        for name in ("input", "target", "exemplar_target", "instruction", *FRAME):
            if OPTIONS in named(getattr(template, name)):
                yield Finding(family.name, template.id, "options-slot", f"`{name}` has an options slot")
        if not places_options_itself(template):
            continue
        if not family.options:
            message = "it has `input_with_options`, but the family has no options"
            yield Finding(family.name, template.id, "options-slot", message)
        elif template.predicts:
            message = "it has `input_with_options`, but an inversion never shows options"
            yield Finding(family.name, template.id, "options-slot", message)
        elif OPTIONS not in named(template.input_with_options):
            yield Finding(family.name, template.id, "options-missing", "`input_with_options` lacks {options}")


def doubled_headings(family: Family) -> Iterator[Finding]:
    """Yields wording that announces the options, or an answer cue before them; they bring a heading of their own."""
    for template in (*family.zero_shot, *family.few_shot):
        text = template.input_with_options
        if family.options and _LEAD_IN.search(text):
            message = f"options bring their own heading, so nothing may lead up to them: {text!r}"
            yield Finding(family.name, template.id, "options-heading", message)


def hidden_options(family: Family) -> Iterator[Finding]:
    """Yields wording that speaks of options in texts that also serve where none are shown."""
    texts = [("", "instructions", text) for text in family.instructions]
    for template in every_template(family):
        for name in ("input", "input_prefix", "target_prefix", "instruction"):
            texts.append((template.id, name, getattr(template, name)))
    for template_id, name, text in texts:
        match = _MENTION.search(text) or (_PICKING.search(text) if family.options else None)
        if match:
            message = f"`{name}` says {match.group(0)!r}, but options may not be shown: {text!r}"
            yield Finding(family.name, template_id, "hidden-options", message)
