"""The published table of the Flan Collection, line by line: what it names each task, and which of ours that is.

Enters: `collection.csv` beside this file. Source: the Flan Collection's `flan_collection_info.csv`, whose columns come
first, unchanged but for `Languages`, which is a plain list here. Its two lines that repeat others are left out: they
stand for the matched and mismatched halves of MNLI, which share a line here. Added are `task`, our names for it (none
where the public code cannot build it either), and `inverted`: whether the line is about predicting the input.
The table cuts names of Super-NaturalInstructions tasks at their first full stop and knows no hyphens; `task` has the
name of the task's file.
Effects: reads the csv once.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib.resources


@dataclasses.dataclass(frozen=True)
class Listing:
    """One line of the table.

    Attributes:
      source: which collection it comes from, as published: CoT, Dialog, FLAN, FLAN/T0, NIv2, Program Synthesis, T0.
      dataset, specific_category, generic_category: as published.
      languages: English names of languages.
      tasks: our tasks; mostly one.
      inverted: whether what is usually the input is predicted.
    """

    source: str
    dataset: str
    specific_category: str
    generic_category: str
    languages: tuple[str, ...]
    tasks: tuple[str, ...]
    inverted: bool


@functools.cache
def listings() -> tuple[Listing, ...]:
    """Returns the lines of the table, in its order."""
    text = importlib.resources.files("flan_mixtures").joinpath("catalogue", "collection.csv").read_text("utf-8")
    return tuple(
        Listing(
            source=line["Source"],
            dataset=line["Dataset"],
            specific_category=line["Specific Task Category"],
            generic_category=line["Generic Task Category"],
            languages=tuple(line["Languages"].split(";")),
            tasks=tuple(filter(None, line["task"].split(";"))),
            inverted=line["inverted"] == "yes",
        )
        for line in csv.DictReader(text.splitlines())
    )
