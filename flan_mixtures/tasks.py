"""The Flan Collection as SeqIO tasks, under its public names. See `mixtures/names.py` for what each name stands for.

Each is one task with one pipeline, however many data sets it mixes, so `seqio.get_mixture_or_task(name)` finds it.
So is each task that the package declares in each style, such as `rte_zsopt`, but for the 1,556 of NIv2; those and the
user's own are registered by `register("mine_zsopt")`.
Metric, on splits other than train: `exact_match`, in percent, of the answer.
Effects: importing registers the tasks; no file is read, nothing is looked for.
"""

from __future__ import annotations

import seqio

from flan_mixtures.evals.answer import extract_answer
from flan_mixtures.evals.exact_match import exact_match
from flan_mixtures.mixtures.names import definition, names, task_names
from flan_mixtures.pipeline.positions_source import PositionsSource
from flan_mixtures.pipeline.positions_task import PositionsTask
from flan_mixtures.pipeline.render_positions import cache_preprocessor, preprocessor
from flan_mixtures.sources.t5_vocabulary import text_features


def register(name: str, features: dict[str, seqio.Feature] | None = None) -> str:
    """Registers a mixture as a SeqIO task of its name, unless it is registered; returns the name.

    Args:
      name: a mixture, or a task and a style such as `rte_zsopt`.
      features: `inputs` and `targets`, of one vocabulary; T5's by default.

    Raises:
      UserError: an unknown name, with the nearest.
    """
    definition(name)
    return _add(name, features)


def _add(name: str, features: dict[str, seqio.Feature] | None = None) -> str:
    if name not in seqio.TaskRegistry.names():
        seqio.TaskRegistry.add(
            name,
            task_cls=PositionsTask,
            source=PositionsSource(name),
            preprocessors=[preprocessor(name), seqio.preprocessors.append_eos_after_trim],
            cached_preprocessors=[cache_preprocessor(name), seqio.preprocessors.append_eos],
            output_features=features or text_features(),
            shuffle_buffer_size=None,  # the mixture's order is shuffled
            postprocess_fn=extract_answer,
            metric_fns=[exact_match],
        )
    return name


TASKS = tuple(_add(name) for name in (*names(), *task_names()))
