"""From a DatasetConfig to batches of features, as tf.data.

Source: T5X `utils.get_dataset`, `get_training_eval_datasets`. Effects: reads data; warns where a task is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import seqio
import tensorflow as tf

from t5x.data.dataset_config import DatasetConfig, check_lengths, find_provider, require_cache, require_split
from t5x.errors import UserError
from t5x.shard.partitioner import DataLayout, PjitPartitioner

logger = logging.getLogger(__name__)

# TensorBoard folder names of longer tasks are cut, as in T5X: file systems have a limit.
MAX_EVAL_NAME = 113
# Enough that a training step never waits for a slow batch; each is a part of every checkpoint's data position.
PREFETCHED_BATCHES = 8


def get_dataset(
    cfg: DatasetConfig,
    shard_info: seqio.ShardInfo,
    feature_converter_cls: type,
    num_epochs: int | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Returns the examples of a dataset's shard, converted to model features and unbatched.

    Args:
      cfg: the dataset.
      shard_info: which part of it.
      feature_converter_cls: makes model features.
      num_epochs: None repeats for ever.
      seed: used where the config has none.

    Raises:
      UserError: an unknown task, split or feature, or no cache where one is asked for.
    """
    provider = find_provider(cfg)
    require_split(provider, cfg)
    check_lengths(provider, cfg)
    require_cache(provider, cfg)
    seed = cfg.seed if cfg.seed is not None else seed
    # A task may know a faster way to the rows that SeqIO's own converter would pack.
    packs_itself = getattr(provider, "packed_dataset", None)
    if packs_itself and cfg.pack and not cfg.use_cached and feature_converter_cls is seqio.EncDecFeatureConverter:
        lengths = dict(cfg.task_feature_lengths)
        return packs_itself(lengths, cfg.split, seed=seed, shard_info=shard_info, num_epochs=num_epochs)
    return seqio.get_dataset(
        mixture_or_task_name=provider,
        task_feature_lengths=dict(cfg.task_feature_lengths),
        dataset_split=cfg.split,
        shuffle=cfg.shuffle,
        num_epochs=num_epochs,
        feature_converter=feature_converter_cls(pack=cfg.pack),
        shard_info=shard_info,
        use_cached=cfg.use_cached,
        seed=seed,
        trim_output_features=cfg.trim_output_features,
        verbose=False,
    )


def get_train_dataset(
    cfg: DatasetConfig,
    data_layout: DataLayout,
    feature_converter_cls: type,
    seed: int | None,
    get_dataset_fn: Callable[..., tf.data.Dataset] = get_dataset,
) -> tf.data.Dataset:
    """Returns this process's rows of the global batches, without end, prepared ahead by tf.data's own threads."""
    shard = seqio.ShardInfo(data_layout.shard_id, data_layout.num_shards)
    dataset = get_dataset_fn(cfg, shard, feature_converter_cls, num_epochs=None, seed=seed)
    return _batched(dataset, cfg.batch_size // data_layout.num_shards).prefetch(PREFETCHED_BATCHES)


def get_training_eval_datasets(
    cfg: DatasetConfig,
    partitioner: PjitPartitioner,
    eval_steps: int,
    feature_converter_cls: type,
) -> dict[str, tf.data.Dataset]:
    """Returns, by name, `eval_steps` batches of every task with the split, and of the mixture itself.

    Examples are repeated where a split has too few, so that each process reads equally many batches.

    Raises:
      UserError: no task has the split.
    """
    provider = find_provider(cfg)
    require_split(provider, cfg)
    layout = partitioner.get_data_layout(cfg.batch_size)
    tasks = [task for task in seqio.get_subtasks(provider) if cfg.split in task.splits]
    skipped = [task.name for task in seqio.get_subtasks(provider) if cfg.split not in task.splits]
    if skipped:
        logger.warning("No split %r, not evaluated: %s", cfg.split, ", ".join(skipped))
    providers = {task.name: task for task in tasks}
    if isinstance(provider, seqio.Mixture) and not skipped:
        providers[provider.name] = provider
    return {
        name[:MAX_EVAL_NAME]: _eval_batches(_with(cfg, one), layout, eval_steps, feature_converter_cls)
        for name, one in providers.items()
    }


def _with(cfg: DatasetConfig, provider: Any) -> DatasetConfig:
    return DatasetConfig(**{**vars(cfg), "mixture_or_task_name": provider})


def _eval_batches(
    cfg: DatasetConfig, layout: DataLayout, eval_steps: int, feature_converter_cls: type
) -> tf.data.Dataset:
    """Returns the batches. All processes read one order and take every num_shards-th example of it."""
    rows = eval_steps * cfg.batch_size
    dataset = get_dataset(cfg, seqio.ShardInfo(0, 1), feature_converter_cls, num_epochs=1, seed=0)
    dataset = dataset.take(rows).cache().repeat().take(rows).shard(layout.num_shards, layout.shard_id)
    return _batched(dataset, cfg.batch_size // layout.num_shards).cache()


def _batched(dataset: tf.data.Dataset, rows: int) -> tf.data.Dataset:
    return dataset.batch(rows, drop_remainder=True, num_parallel_calls=tf.data.AUTOTUNE)


def batch_shapes(dataset: tf.data.Dataset, num_shards: int) -> tuple[Mapping[str, tuple[int, ...]], Mapping[str, Any]]:
    """Returns the shapes and types of a global batch's features, from the dataset's description alone."""
    spec = dataset.element_spec
    shapes = {name: (s.shape[0] * num_shards, *s.shape[1:]) for name, s in spec.items()}
    return shapes, {name: s.dtype.as_numpy_dtype for name, s in spec.items()}


def require_targets(batch: Mapping[str, Any], cfg: DatasetConfig) -> None:
    """Raises UserError where no target token of a batch counts in the loss."""
    weights = batch.get("decoder_loss_weights")
    if weights is not None and not weights.any():
        raise UserError(
            f"no target token of the first batch of {find_provider(cfg).name!r} counts in the loss: with "
            f"task_feature_lengths {dict(cfg.task_feature_lengths or {})} nothing of the targets is left, or they are "
            "empty. Raise the length of 'targets', or look at the task's rows."
        )
