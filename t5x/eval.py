"""Evaluation of checkpoints: `t5x eval`, and the function gin files bind as `eval_script.evaluate`.

Enters: a dataset and checkpoints. Leaves: SeqIO's result files in the output folder, metrics by task and step.
Source: T5X `eval.py`; parameters and defaults are T5X's, since published gin files bind them.
Effects: reads checkpoints and data, writes results.
"""

from __future__ import annotations

if __name__ == "__main__":
    from t5x.main import run_module

    run_module("eval")

import logging
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import seqio

from t5x.ckpt.config import RestoreCheckpointConfig
from t5x.ckpt.discovery import resolve
from t5x.ckpt.layout import step_in_name
from t5x.config.operative_config import summarize_gin_config
from t5x.data.dataset_config import DatasetConfig
from t5x.data.evaluation import GenerationEvaluator
from t5x.data.vocabulary import check_vocabulary_fits, verify_matching_vocabs
from t5x.errors import UserError
from t5x.initialize import TrainStateInitializer
from t5x.model.interface import BaseModel
from t5x.report.progress import Progress
from t5x.shard.partitioner import PjitPartitioner
from t5x.train_state import parameter_count

logger = logging.getLogger(__name__)


def evaluate(
    *,
    model: BaseModel,
    dataset_cfg: DatasetConfig,
    restore_checkpoint_cfg: RestoreCheckpointConfig,
    partitioner: PjitPartitioner,
    output_dir: str,
    inference_evaluator_cls: Any = seqio.Evaluator,
    training_evaluator_cls: Any = None,
    summarize_config_fn: Callable[[str, Any, int], None] = summarize_gin_config,
    train_state_initializer_cls: type[TrainStateInitializer] = TrainStateInitializer,
    train_eval_get_dataset_fn: Callable[..., Any] | None = None,
    fallback_init_rng: int | None = None,
    use_orbax: bool = True,
) -> dict[int, dict[str, dict[str, Any]]]:
    """Evaluates checkpoints on all tasks of a mixture that have metrics.

    Args:
      model: what is evaluated.
      dataset_cfg: on what; unpacked.
      restore_checkpoint_cfg: which checkpoints, and the data type of their parameters.
      partitioner: the mesh.
      output_dir: where results are written.
      inference_evaluator_cls: makes SeqIO's evaluator.
      training_evaluator_cls: not supported.
      summarize_config_fn: called with (output_dir, None, step).
      train_state_initializer_cls: restores parameters.
      train_eval_get_dataset_fn: not supported.
      fallback_init_rng: seed of parameters that the checkpoint lacks, where the restore config allows that.
      use_orbax: must be True.

    Returns:
      Metrics by step and task.

    Raises:
      UserError: a mistake in what was given.
    """
    if training_evaluator_cls is not None or train_eval_get_dataset_fn is not None or not use_orbax:
        raise UserError(
            "evaluate: training_evaluator_cls, train_eval_get_dataset_fn and use_orbax=False are not supported; remove "
            "the binding."
        )
    verify_matching_vocabs(dataset_cfg, model)
    check_vocabulary_fits(model)
    paths = resolve(restore_checkpoint_cfg)
    if not paths:
        raise UserError("evaluate has no checkpoint: set CHECKPOINT_PATH to <folder>/checkpoint_<step>.")
    os.makedirs(output_dir, exist_ok=True)
    with Progress(len(paths)) as progress:
        progress.phase(f"reading {dataset_cfg.mixture_or_task_name} for evaluation")
        evaluator = GenerationEvaluator(
            dataset_cfg,
            model,
            partitioner,
            os.path.join(output_dir, "inference_eval"),
            inference_evaluator_cls,
            on_progress=progress.phase,
        )
        if not evaluator.has_tasks:
            raise UserError(
                f"no task of {dataset_cfg.mixture_or_task_name!r} has metrics for split {dataset_cfg.split!r}, so "
                "there is nothing to evaluate; choose another split, or give the tasks metric_fns."
            )
        shapes = {name: (dataset_cfg.batch_size, *shape) for name, shape in evaluator.feature_shapes.items()}
        initializer = train_state_initializer_cls(model, shapes, partitioner)
        summarize_config_fn(output_dir, None, 0)
        results = {}
        for path in paths:
            step = step_in_name(path)
            params = initializer.params_from_checkpoint(
                path,
                rng=jax.random.key(fallback_init_rng or 0),
                dtype=restore_checkpoint_cfg.dtype,
                assignment_map=restore_checkpoint_cfg.assignment_map,
                fallback_to_scratch=restore_checkpoint_cfg.fallback_to_scratch,
            )
            logger.info("Evaluating %s, %s parameters", path, f"{parameter_count(params):,}")
            results[step] = evaluator.evaluate(params, step)
            for name, values in results[step].items():
                shown = ", ".join(f"{key} {value:.4g}" for key, value in values.items() if np.isscalar(value))
                progress.message(f"step {step}: {name}: {shown}")
    logger.info("Results in %s", output_dir)
    return results
