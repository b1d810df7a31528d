"""Finds the tasks that yield no example at all, when training gets no batch.

SeqIO repeats a task's source before its preprocessors, so a task whose preprocessors drop every example is searched
for ever, and so is every mixture that contains it. One pass over each task alone tells.
Effects: reads data.
"""

from __future__ import annotations

import seqio

from t5x.data.dataset_config import DatasetConfig, find_provider
from t5x.errors import UserError
from t5x.shard.partitioner import DataLayout

_SHOWN = 8  # tasks named in a message


def why_no_batch(cfg: DatasetConfig, layout: DataLayout) -> UserError | None:
    """Returns an error that names the tasks without an example, or None where every task has one."""
    provider = find_provider(cfg)
    empty, dropped = [], []
    for task in _sampled_tasks(provider, cfg.split):
        if not _has_example(_examples(task, cfg, layout)):
            (dropped if _has_example(task.source.get_dataset(cfg.split, shuffle=False)) else empty).append(task.name)
    if not empty and not dropped:
        return None
    owner = "" if isinstance(provider, seqio.Task) else f" of the mixture {provider.name!r}"
    parts = []
    if empty:
        parts.append(f"The split {cfg.split!r} of {_names(empty)}{owner} is empty.")
    if dropped:
        parts.append(
            f"No example of {_names(dropped)}{owner} is left for training: with task_feature_lengths "
            f"{dict(cfg.task_feature_lengths or {})} the preprocessors drop all of them."
        )
    ways = ["raise the lengths"] if dropped else ["choose another split"]
    ways += ["take these tasks out of the mixture"] if owner else []
    return UserError(f"{' '.join(parts)} {' or '.join(ways).capitalize()}.")


def _sampled_tasks(provider: seqio.Task | seqio.Mixture, split: str) -> list[seqio.Task]:
    tasks = [task for task in seqio.get_subtasks(provider) if split in task.splits]
    if isinstance(provider, seqio.Task):
        return tasks
    return [task for task in tasks if provider.get_rate(task) > 0]


def _examples(task: seqio.Task, cfg: DatasetConfig, layout: DataLayout):
    return task.get_dataset(
        sequence_length=dict(cfg.task_feature_lengths or {}),
        split=cfg.split,
        use_cached=cfg.use_cached,
        shuffle=False,
        seed=0,
        shard_info=seqio.ShardInfo(layout.shard_id, layout.num_shards),
        num_epochs=1,
        trim_output_features=cfg.trim_output_features,
    )


def _has_example(dataset) -> bool:
    return next(iter(dataset.take(1)), None) is not None


def _names(tasks: list[str]) -> str:
    more = f" and {len(tasks) - _SHOWN} more" if len(tasks) > _SHOWN else ""
    return ", ".join(map(repr, tasks[:_SHOWN])) + more
