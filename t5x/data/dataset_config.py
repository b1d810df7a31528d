"""What a run reads: a SeqIO task or mixture, a split, lengths, packing.

Source: T5X `utils.DatasetConfig`; names and defaults are T5X's, since published gin files bind them.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

import seqio
import tensorflow as tf

from t5x.data.installed_tasks import registered_names
from t5x.errors import UserError, nearest

# The fewest tokens that can hold anything besides the end token.
MIN_LENGTH = 2


@dataclasses.dataclass
class DatasetConfig:
    """A dataset. Only its description: nothing is read before `get_dataset`.

    Attributes:
      mixture_or_task_name: a registered task or mixture, or the object itself.
      task_feature_lengths: tokens per feature; None takes the longest example (evaluation only).
      split: e.g. 'train'.
      batch_size: global, in examples, or in packed sequences.
      shuffle: whether examples are shuffled.
      seed: of shuffling and sampling; None takes the run's own.
      use_cached: read SeqIO's offline cache instead of preparing data on the fly.
      pack: put several examples into one sequence.
      use_custom_packing_ops: T5X's compiled packing; must be False.
      module: imported first, so that it can register tasks.
      use_memory_cache: keep evaluation data in memory.
      trim_output_features: cut features to their lengths.
      runtime_preprocessors, num_prefetch_threads, num_workers: of AirIO; must stay unset.
    """

    mixture_or_task_name: str | seqio.Task | seqio.Mixture
    task_feature_lengths: Mapping[str, int] | None
    split: str
    batch_size: int
    shuffle: bool
    seed: int | None
    use_cached: bool = False
    pack: bool = False
    use_custom_packing_ops: bool = False
    module: str | None = None
    use_memory_cache: bool = True
    trim_output_features: bool = True
    runtime_preprocessors: Any = None
    num_prefetch_threads: int | None = None
    num_workers: int = 0

    def __post_init__(self) -> None:
        unsupported = {
            "use_custom_packing_ops": self.use_custom_packing_ops,
            "runtime_preprocessors": self.runtime_preprocessors,
            "num_prefetch_threads": self.num_prefetch_threads,
            "num_workers": self.num_workers,
        }
        for name, value in unsupported.items():
            if value:
                raise UserError(f"DatasetConfig.{name} is {value!r}, which is not supported; remove the binding.")
        if self.batch_size < 1:
            raise UserError(f"DatasetConfig.batch_size is {self.batch_size}; give at least 1.")
        for feature, length in (self.task_feature_lengths or {}).items():
            if length is not None and length < MIN_LENGTH:
                raise UserError(
                    f"task_feature_lengths gives {feature!r} a length of {length}, which leaves nothing of it beside "
                    f"the end token; give at least {MIN_LENGTH}, better the length of nearly all examples."
                )


def find_provider(cfg: DatasetConfig) -> seqio.Task | seqio.Mixture:
    """Returns the task or mixture a config names, after importing its module.

    Raises:
      UserError: nothing of that name is registered (with the nearest names), the module is missing, or the
        provider has no such split.
    """
    if cfg.module:
        try:
            importlib.import_module(cfg.module)
        except ModuleNotFoundError as error:
            raise UserError(
                f"DatasetConfig.module is {cfg.module!r}, but there is no module {error.name!r}. Give a module that "
                "Python can import from here, or None if a gin file imports the tasks."
            ) from error
    provider = cfg.mixture_or_task_name
    if isinstance(provider, str):
        known = registered_names(provider)
        if provider not in known:
            raise UserError(
                f"no SeqIO task or mixture is called {provider!r}; {len(known)} are registered."
                f"{nearest(provider, known)} Import the module that registers it: MIXTURE_OR_TASK_MODULE, or an "
                "`import` line in a gin file."
            )
        provider = seqio.get_mixture_or_task(provider)
    return provider


def require_split(provider: seqio.Task | seqio.Mixture, cfg: DatasetConfig) -> None:
    """Raises UserError where no task of the provider has the config's split, naming those there are."""
    tasks = seqio.get_subtasks(provider)
    if not any(cfg.split in task.splits for task in tasks):
        splits = sorted({split for task in tasks for split in task.splits})
        raise UserError(
            f"{provider.name!r} has no split {cfg.split!r}; its splits are {', '.join(map(repr, splits)) or 'none'}."
            f"{nearest(cfg.split, splits)}"
        )


def check_lengths(provider: seqio.Task | seqio.Mixture, cfg: DatasetConfig) -> None:
    """Raises UserError where `task_feature_lengths` lacks a feature of the provider that models read."""
    features = list(provider.output_features)
    missing = [name for name in features if name not in (cfg.task_feature_lengths or {})]
    if missing:
        raise UserError(
            f"task_feature_lengths {dict(cfg.task_feature_lengths or {})} gives no length for {', '.join(missing)} of "
            f"{provider.name!r}; set e.g. TASK_FEATURE_LENGTHS={ {name: 512 for name in features} }."
        )


def require_cache(provider: seqio.Task | seqio.Mixture, cfg: DatasetConfig) -> None:
    """Raises UserError where the config asks for cached data and a task that can be cached is not, or lacks the split.

    Tasks that cannot be cached are prepared on the fly, as SeqIO does.
    """
    if not cfg.use_cached:
        return
    tasks = [task for task in seqio.get_subtasks(provider) if task.supports_caching]
    missing = sorted(task.name for task in tasks if not _is_cached(task, cfg.split))
    if not missing:
        return
    folders = ", ".join(map(str, seqio.get_global_cache_dirs())) or "no folder, since none is given"
    raise UserError(
        f"use_cached is True, but the split {cfg.split!r} of {', '.join(missing[:8])}"
        f"{f' and {len(missing) - 8} more tasks' if len(missing) > 8 else ''} is not cached; looked for in {folders}. "
        "Set USE_CACHED_TASKS=False to prepare the data on the fly, or name the folder of the cache with "
        f"--seqio_additional_cache_dirs=DIR, or write one: t5x cache --tasks={missing[0]} --output_cache_dir=DIR."
    )


def _is_cached(task: seqio.Task, split: str) -> bool:
    folder = task.cache_dir
    return bool(folder) and tf.io.gfile.exists(seqio.get_cached_info_path(folder, split))
