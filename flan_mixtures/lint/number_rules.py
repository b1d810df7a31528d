"""Rules about how many phrasings a family has, and that they differ. Effects: none."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator

from flan_mixtures.lint.finding import Finding
from flan_mixtures.rendering.template import KINDS, Family, Template

FEWEST = {"zero_shot": 10, "few_shot": 10}  # what the Flan Collection has for each of its families


def too_few(family: Family) -> Iterator[Finding]:
    """Yields kinds of template of which the family has fewer than `FEWEST`."""
    for kind, fewest in FEWEST.items():
        count = len(family.templates(kind))
        if count < fewest:
            yield Finding(family.name, "", "too-few", f"it has {count} templates of kind {kind}; {fewest} are needed")


def duplicates(family: Family) -> Iterator[Finding]:
    """Yields ids that are used twice, and phrasings of one kind that say the same.

    Instructions, zero-shot templates and inversions say the same if they differ in case and punctuation only. Of
    few-shot templates the punctuation is what matters, so there the whole frame is compared, up to case.
    """
    ids = collections.Counter(template.id for kind in KINDS for template in family.templates(kind))
    for name in (name for name, count in ids.items() if count > 1):
        yield Finding(family.name, name, "duplicate-id", f"{ids[name]} templates have this id")
    for kind in KINDS:
        first: dict[str, Template] = {}
        for template in family.templates(kind):
            same = first.setdefault(_wording(template), template)
            if same is not template:
                yield Finding(family.name, template.id, "duplicate-wording", f"it says the same as {same.id!r}")
    said: dict[str, str] = {}
    for text in family.instructions:
        if said.setdefault(_plain(text), text) is not text:
            yield Finding(family.name, "", "duplicate-wording", f"an instruction stands twice: {text!r}")


def _wording(template: Template) -> str:
    if template.kind == "few_shot":
        frame = (template.input_prefix, template.input, template.delimiter, template.target_prefix)
        return "".join(frame).casefold()
    return _plain(template.input)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
