"""Templates: the wordings of a family, read from its TOML file.

A file holds three lists, `zero_shot`, `few_shot` and `chain_of_thought`. Each entry has

    input        the question; names fields in braces, and may name {options}
    target       what the model writes; may name {answer} and {rationale}. Default "{answer}"
    cue          what stands between the question and what the model writes, in exemplars and at the end. Default ""
    instruction  stands once at the beginning. Default ""
    separator    stands between exemplars. Default " | "

All text is one line: the T5 vocabulary knows no line breaks.
Effects: reads package data, once per family.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import tomllib
from collections.abc import Mapping

# Short name, as in task names -> list in the template file.
STYLES = {"zs": "zero_shot", "fs": "few_shot", "cot": "chain_of_thought"}

_FOLDER = pathlib.Path(__file__).parent / "templates"


@dataclasses.dataclass(frozen=True)
class Template:
    """One wording of a family in one style; `number` is its place in the list of that style."""

    family: str
    style: str
    number: int
    input: str
    target: str = "{answer}"
    cue: str = ""
    instruction: str = ""
    separator: str = " | "


@functools.cache
def templates(family: str) -> Mapping[str, tuple[Template, ...]]:
    """Returns the templates of a family by style (`zs`, `fs`, `cot`)."""
    lists = tomllib.loads((_FOLDER / f"{family}.toml").read_text(encoding="utf-8"))
    return {
        style: tuple(Template(family, style, number, **entry) for number, entry in enumerate(lists[name]))
        for style, name in STYLES.items()
    }
