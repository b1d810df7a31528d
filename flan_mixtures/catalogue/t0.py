"""The T0 submixture: the prompts of P3 (the Public Pool of Prompts) whose data sets Flan 2021 does not have.

Enters: `t0_prompts.csv` beside this file: 193 prompts of 23 data sets. Leaves: one declaration per prompt.
A record of P3 is a ready prompt and its completion, so three template families serve all of them, one per type:
    question          nothing to choose from in the text
    choice            the prompt's own wording shows the choices, whatever it then asks for
    choice_separate   the answers are a few fixed ones that the wording does not list (yes or no, a sentiment)
How types were decided: from what each prompt of P3 shows, by its name; where a data set lists its choices in some
prompts only (QuAIL's names with `answer_id`, QASC's separated facts but the fifth) prompt by prompt. The counts that
come out, 104, 70 and 19, are those that are published. `rows` is the size of the data set's training split, and for six
prompts of WikiQA that of its pairs with a right answer; prompts of DuoRC that skip unanswerable questions have fewer.
Licences are those that the data sets' authors state, and `not stated` else: check before relying on one.
Effects: reads the csv once; `discovered` lists a folder.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
from collections.abc import Mapping
from typing import Any

from flan_mixtures.catalogue.declaration import Declaration
from flan_mixtures.sources import p3

SUBMIXTURE = "t0"
TYPES = {"question": "prompt_question", "choice": "prompt_choice", "choice_separate": "prompt_choice_separate"}

_FOLDER = "p3_sample"  # below the data root: one <task>.jsonl per prompt, with `prompt` and `completion`
_FIELDS = {"prompt": "prompt"}
_ANSWER = {"text": "completion"}
_LONG = {"prompt": "middle"}  # the question stands at one of its ends


@functools.cache
def declarations() -> dict[str, Declaration]:
    """Returns the declarations of the 193 prompts, by task name, sorted."""
    text = importlib.resources.files("flan_mixtures").joinpath("catalogue", "t0_prompts.csv").read_text("utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: row["task"])
    return {row["task"]: _declaration(row) for row in rows}


def discovered(folder: str = _FOLDER) -> dict[str, Declaration]:
    """Returns declarations of the prompt files in `folder` whose names are not among the 193, by task name, sorted.

    `folder` is a path, absolute or relative to the data folder. Each file is taken for a data set of its own, and the
    source of an empty one says that it is missing. Raises UserError where the folder is absent or has no such file.
    """
    return {
        task: Declaration(
            task=task,
            submixture=SUBMIXTURE,
            dataset=task,
            templates=TYPES["question"],
            sources=(source,),
            fields=_FIELDS,
            answer=_ANSWER,
            long=_LONG,
        )
        for task, source in p3.discover(folder).items()
        if task not in declarations()
    }


def _declaration(row: Mapping[str, str]) -> Declaration:
    task = row["task"]
    return Declaration(
        task=task,
        submixture=SUBMIXTURE,
        dataset=row["dataset"],
        templates=TYPES[row["type"]],
        sources=_sources(task),
        fields=_FIELDS,
        answer=_ANSWER,
        long=_LONG,
        rows=int(row["rows"]),
        category=row["category"],
        licence=row["licence"],
    )


def _sources(task: str) -> tuple[Mapping[str, Any], ...]:
    return (
        {"kind": "p3", "files": {"train": f"{_FOLDER}/{task}.jsonl"}},
        {
            "kind": "hf",
            "path": f"P3/{task}",
            "fields": {"prompt": "inputs_pretokenized"},
            "answer": {"text": "targets_pretokenized"},
        },
    )
