"""SeqIO tasks over the chain-of-thought files in the data folder, and the mixture `cot_files` of them all.

`cot_<dataset>` targets are the rationale and then the answer phrase; `_direct` targets are the answer alone.
Splits: `train`, and `validation` (a fixed 2 % by content). Metric: `exact_match`, in percent, of the extracted answers.
Rates: each task in proportion to its training rows, so that one pass over the mixture is one pass over each.
Effects: importing registers the tasks and reads no file.
"""

from __future__ import annotations

import functools

import seqio

from flan_mixtures.cot.prompts import FORMS, render
from flan_mixtures.cot.rows import DATASETS, read_cot
from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.evals.exact_match import exact_match
from flan_mixtures.sources import data_root
from flan_mixtures.sources.length_limit import leave_out_long_rows
from flan_mixtures.sources.rows_source import RowsSource
from flan_mixtures.sources.t5_vocabulary import text_features

MIXTURE = "cot_files"
SPLITS = ("train", "validation")


def task_name(dataset: str, form: str) -> str:
    """Returns the name of the task that renders `dataset` in `form`."""
    return f"cot_{dataset}" if form == "rationale" else f"cot_{dataset}_{form}"


def rendered_rows(split: str, *, dataset: str, form: str) -> list[dict[str, str]]:
    """Returns the rendered rows of one split; reads the data set's file."""
    rows = read_cot(data_root.directory() / "flan_cot", dataset)
    return [render(row, form) for row in rows if row.held_out == (split == "validation")]


def _all_rows(*, dataset: str, form: str) -> list[dict[str, str]]:
    return [row for split in SPLITS for row in rendered_rows(split, dataset=dataset, form=form)]


def _training_rows(task: seqio.Task) -> float:
    return float(task.source.row_count("train"))


def _register(dataset: str, form: str) -> str:
    name = task_name(dataset, form)
    seqio.TaskRegistry.add(
        name,
        source=RowsSource(functools.partial(rendered_rows, dataset=dataset, form=form), splits=SPLITS),
        preprocessors=[
            seqio.preprocessors.tokenize,
            leave_out_long_rows(name, functools.partial(_all_rows, dataset=dataset, form=form)),
            seqio.preprocessors.append_eos_after_trim,
        ],
        output_features=text_features(),
        shuffle_buffer_size=None,  # the source shuffles
        postprocess_fn=extract_answer,
        metric_fns=[exact_match],
    )
    return name


TASKS = tuple(_register(dataset, form) for form in FORMS for dataset in DATASETS)
seqio.MixtureRegistry.add(MIXTURE, TASKS, default_rate=_training_rows)
