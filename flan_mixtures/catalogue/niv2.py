"""The NIv2 submixture: Super-NaturalInstructions, one declaration per task, so that a cap per task is one.

Enters: the names of the published table (1,556 tasks), or a folder of task files. Leaves: declarations.
Rows come from task files below the data folder, `superni/<task>.json` or `superni/<task>/train.json`, or from TFDS,
whose one data set holds all tasks: `where` says which of its rows are this task's.
`exemplars = "positive_examples"` in a source says that few-shot prompts take the examples that the task's authors
wrote, with their explanations, and not other rows; TFDS has none of these, so there other rows serve.
Tasks made from MMLU are left out unless they are asked for, because MMLU is what models are evaluated on.
Effects: `discovered` lists a folder.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.catalogue.listing import Listing, listings
from flan_mixtures.sources import natural_instructions

SUBMIXTURE = "niv2"
EXEMPLARS = "positive_examples"

_FOLDER = "superni"  # below the data folder
_TFDS = "natural_instructions:1.0.1"
_MMLU = "mmmlu"  # how the authors spell it, in the names of all 57 tasks made from it
_LICENCE = "Apache-2.0 (task files); instances as their data sets"


def is_from_mmlu(task: str) -> bool:
    """Returns whether a task's name says that it was made from MMLU."""
    return _MMLU in task


@functools.cache
def declarations() -> dict[str, Declaration]:
    """Returns the declarations of the published tasks, by task name, sorted; none of them is made from MMLU."""
    return {task: _declaration(task, _sources(task)) for task in sorted(_listed())}


def discovered(folder: str = _FOLDER, from_mmlu: bool = False) -> dict[str, Declaration]:
    """Returns declarations of the tasks that lie in `folder`, by task name, sorted; with those of MMLU if `from_mmlu`.

    `folder` is a path, absolute or relative to the data folder, of task files `task<number>_<name>.json`, or of folders
    of such names that hold `train.json`. Raises UserError where it is absent or holds no task.
    """
    return {
        task: _declaration(task, ({**source, "exemplars": EXEMPLARS},))
        for task, source in natural_instructions.discover(folder).items()
        if from_mmlu or not is_from_mmlu(task)
    }


@functools.cache
def _listed() -> dict[str, Listing]:
    return {listing.tasks[0]: listing for listing in listings() if listing.source == "NIv2"}


def _declaration(task: str, sources: tuple[Mapping[str, Any], ...]) -> Declaration:
    listing = _listed().get(task)
    return Declaration(
        task=task,
        submixture=SUBMIXTURE,
        dataset=listing.dataset if listing else task,
        templates="natural_instructions",
        sources=sources,
        fields={"definition": "definition", "input": "input"},
        answer={"text": "output"},
        long={"input": "middle"},  # what is asked stands at one of its ends
        category=listing.generic_category if listing else "",
        licence=_LICENCE,
        languages=listing.languages if listing else (),
    )


def _sources(task: str) -> tuple[Mapping[str, Any], ...]:
    files = tuple(
        {"kind": natural_instructions.NaturalInstructionsSource.kind, "path": path, "exemplars": EXEMPLARS}
        for path in (f"{_FOLDER}/{task}", f"{_FOLDER}/{task}.json")
    )
    return (*files, {"kind": "tfds", "name": _TFDS, "splits": {"train": "train"}, "where": {"task_name": task}})
