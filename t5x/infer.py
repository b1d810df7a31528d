"""Inference over whole data sets: `t5x infer`, and the function gin files bind as `infer_script.infer`.

Enters: a checkpoint and a split. Leaves: one file of JSON lines for each task and shard, in the order of the shard.
Source: T5X `infer.py`; parameters, defaults and file names are T5X's, since published gin files bind them.
A killed run goes on: results are kept a chunk at a time, and a chunk's rows, batches and random numbers follow from its
number alone, so that the resumed run writes the same bytes.
Effects: reads the checkpoint and data, writes results.
"""

from __future__ import annotations

if __name__ == "__main__":
    from t5x.main import run_module

    run_module("infer")

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import seqio
from etils import epath

import gin
from t5x.ckpt.config import RestoreCheckpointConfig
from t5x.ckpt.discovery import resolve
from t5x.config.gin_text import Statement, scan_bindings
from t5x.config.operative_config import summarize_gin_config
from t5x.data.dataset_config import DatasetConfig, check_lengths, find_provider
from t5x.data.evaluation import check_generation_config
from t5x.data.inference_chunks import MergeFn, ShardFiles
from t5x.data.inference_chunks import merge_chunks_to_file as merge_chunks_to_file
from t5x.data.inference_output import check_mode
from t5x.data.inference_output import write_inferences_to_file as write_inferences_to_file
from t5x.data.shard_inference import ShardInference
from t5x.data.vocabulary import check_vocabulary_fits, verify_matching_vocabs
from t5x.errors import UserError, nearest
from t5x.initialize import TrainStateInitializer
from t5x.model.interface import BaseModel
from t5x.shard.partitioner import PjitPartitioner
from t5x.train_state import parameter_count

logger = logging.getLogger(__name__)

# Modules whose bindings decide what a model says.
_OF_THE_MODEL = ("models", "decoding", "network")


def infer(
    *,
    mode: str,
    model: BaseModel,
    dataset_cfg: DatasetConfig,
    restore_checkpoint_cfg: RestoreCheckpointConfig,
    partitioner: PjitPartitioner,
    output_dir: str,
    checkpoint_period: int,
    shard_id: int = 0,
    num_shards: int = 1,
    merge_chunked_results: bool = True,
    write_fn: Callable[..., None] = write_inferences_to_file,
    checkpoint_ds_iter: bool = True,
    train_state_initializer_cls: type[TrainStateInitializer] = TrainStateInitializer,
    fallback_init_rng: int | None = None,
    merge_fn: MergeFn = merge_chunks_to_file,
    summarize_config_fn: Callable[[str, Any, int], None] = summarize_gin_config,
    verify_matching_vocabs_fn: Callable[[DatasetConfig, Any], None] | None = verify_matching_vocabs,
    output_vocab_feature_name: str = "targets",
    file_extension: str = "jsonl",
    keep_aux_as_numpy: bool = False,
    use_orbax: bool = True,
) -> None:
    """Runs a model over a shard of every task of a mixture.

    Args:
      mode: 'predict' (texts), 'score' (log-probability of the targets), 'predict_with_aux' (texts and their scores).
      model: what is run.
      dataset_cfg: on what; unpacked.
      restore_checkpoint_cfg: one checkpoint, and the data type of its parameters.
      partitioner: the mesh.
      output_dir: where results are written.
      checkpoint_period: batches after which results are kept; a killed run repeats at most so many.
      shard_id: which part of the data, from 0; the others may run at the same time, anywhere.
      num_shards: how many parts there are.
      merge_chunked_results: False leaves a file for every `checkpoint_period` batches, `<result>-chunk<number>`.
      write_fn: writes a chunk; called with `(path, (results, aux), examples, mode, vocabulary=...)`.
      checkpoint_ds_iter: makes no difference: a resumed run finds its place by skipping rows; no position is saved.
      train_state_initializer_cls: restores parameters.
      fallback_init_rng: seed of parameters that the checkpoint lacks, where the restore config allows that.
      merge_fn: called with the path of the merged file and those of the chunks in order.
      summarize_config_fn: called with (output_dir, None, step).
      verify_matching_vocabs_fn: checks that the data speaks the model's vocabulary; None for no check.
      output_vocab_feature_name: feature whose vocabulary turns predictions into text.
      file_extension: of the results.
      keep_aux_as_numpy: hand `write_fn` auxiliary values as numpy arrays instead of numbers and lists.
      use_orbax: must be True.

    Raises:
      UserError: a mistake in what was given; results of another model in `output_dir`.
    """
    if not use_orbax:
        raise UserError("infer: use_orbax=False is not supported; remove the binding.")
    check_mode(mode)
    _check_numbers(checkpoint_period, shard_id, num_shards)
    _check_data(dataset_cfg, partitioner)
    if verify_matching_vocabs_fn is not None:
        verify_matching_vocabs_fn(dataset_cfg, model)
    check_vocabulary_fits(model)
    checkpoint = _one_checkpoint(restore_checkpoint_cfg)

    folder = epath.Path(output_dir)
    settings = _settings(dataset_cfg, restore_checkpoint_cfg, checkpoint, checkpoint_period)
    open_shards = []
    for task in _tasks(dataset_cfg):
        files = ShardFiles(folder, task.name, mode, shard_id, num_shards, file_extension)
        files.check_settings(settings)
        if files.is_complete:
            logger.info("%s is complete and stays as it is", files.result)
        else:
            open_shards.append((task, files, _vocabulary(task, output_vocab_feature_name)))
    if not open_shards:
        return
    inference = ShardInference(
        model,
        mode,
        dataset_cfg,
        partitioner,
        checkpoint_period,
        write_fn,
        merge_fn if merge_chunked_results else None,
        keep_aux_as_numpy,
    )
    params = train_state_initializer_cls(model, inference.batch_shapes, partitioner).params_from_checkpoint(
        checkpoint,
        rng=jax.random.key(fallback_init_rng or 0),
        dtype=restore_checkpoint_cfg.dtype,
        assignment_map=restore_checkpoint_cfg.assignment_map,
        fallback_to_scratch=restore_checkpoint_cfg.fallback_to_scratch,
    )
    logger.info("Inference with %s, %s parameters", checkpoint, f"{parameter_count(params):,}")
    _prepare(folder, [files for _, files, _ in open_shards], settings)
    summarize_config_fn(output_dir, None, 0)
    for task, files, vocabulary in open_shards:
        inference.run(task, files, vocabulary, params)


def _check_numbers(checkpoint_period: int, shard_id: int, num_shards: int) -> None:
    if checkpoint_period < 1:
        raise UserError(f"infer.checkpoint_period is {checkpoint_period}; give a number of batches, at least 1.")
    if num_shards < 1:
        raise UserError(f"infer.num_shards is {num_shards}; give at least 1, which is all of the data.")
    if not 0 <= shard_id < num_shards:
        raise UserError(
            f"infer.shard_id is {shard_id}, but with infer.num_shards={num_shards} shards are 0 to {num_shards - 1}."
        )


def _check_data(cfg: DatasetConfig, partitioner: PjitPartitioner) -> None:
    check_generation_config(cfg, partitioner)
    check_lengths(find_provider(cfg), cfg)
    if cfg.shuffle and cfg.seed is None:
        raise UserError(
            "utils.DatasetConfig.shuffle is True without a seed, so a resumed inference would miss rows and repeat "
            "others; set shuffle=False (then the results are in the order of the data), or a seed."
        )


def _one_checkpoint(cfg: RestoreCheckpointConfig) -> epath.Path:
    paths = resolve(cfg)
    if len(paths) != 1:
        raise UserError(
            f"infer takes one checkpoint and got {len(paths) or 'none'}: set CHECKPOINT_PATH to "
            "<folder>/checkpoint_<step>, and another INFER_OUTPUT_DIR for each."
        )
    return paths[0]


def _tasks(cfg: DatasetConfig) -> list[seqio.Task]:
    tasks = seqio.get_subtasks(find_provider(cfg))
    without = [task.name for task in tasks if cfg.split not in task.splits]
    if without:
        logger.warning("No split %r, left out: %s", cfg.split, ", ".join(without))
    return sorted((task for task in tasks if cfg.split in task.splits), key=lambda task: task.name)


def _vocabulary(task: seqio.Task, feature: str) -> seqio.Vocabulary:
    features = task.output_features
    if feature not in features:
        raise UserError(
            f"infer.output_vocab_feature_name is {feature!r}, but {task.name!r} has the features "
            f"{', '.join(sorted(features))}.{nearest(feature, features)}"
        )
    return features[feature].vocabulary


def _settings(
    data: DatasetConfig, restore: RestoreCheckpointConfig, checkpoint: epath.Path, checkpoint_period: int
) -> dict[str, Any]:
    """Returns what decides the results, as JSON can hold it."""
    return {
        "checkpoint": str(checkpoint),
        "dtype": restore.dtype,
        "assignment_map": None if restore.assignment_map is None else [list(pair) for pair in restore.assignment_map],
        "split": data.split,
        "task_feature_lengths": dict(data.task_feature_lengths),
        "shuffle_seed": data.seed if data.shuffle else None,
        "batch_size": data.batch_size,
        "checkpoint_period": checkpoint_period,
        **_model_bindings(scan_bindings([gin.config_str()])),
    }


def _model_bindings(bindings: Sequence[Statement]) -> dict[str, str]:
    """Returns what gin binds on the model, its network and its decoding, with the macros that these use."""
    by_name = {item.key: item for item in bindings}
    found = [item for item in bindings if item.key.rpartition("/")[2].split(".")[0] in _OF_THE_MODEL]
    for item in found:  # grows
        found += [by_name[name] for name in item.macros if name in by_name and by_name[name] not in found]
    return {item.key: item.value for item in found}


def _prepare(folder: epath.Path, shards: Sequence[ShardFiles], settings: Mapping[str, Any]) -> None:
    if jax.process_index():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for files in shards:
            files.start(settings)
    except OSError as error:
        raise UserError(f"the output folder {folder} cannot be written to: {error}. Choose another one.") from error
