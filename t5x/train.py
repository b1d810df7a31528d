"""Training: `t5x train`, and the function gin files bind as `train_script.train`.

This file holds the effects: it reads configs' objects, makes data, state and trainer, and starts the loop
train -> checkpoint -> evaluate of train_loop.py. What a step computes is in train_step.py; the way there is
train -> TrainLoop.run -> Trainer.train -> train_step -> EncoderDecoderModel.loss_fn -> Transformer.loss_sums.
Source: T5X `train.py`; parameters and defaults are T5X's, since published gin files bind them.
"""

from __future__ import annotations

if __name__ == "__main__":
    from t5x.main import run_module

    run_module("train")

import contextlib
import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import seqio

from t5x import run_record
from t5x.ckpt.config import CheckpointConfig
from t5x.ckpt.dataset_state import has_dataset_state, restore_dataset_state
from t5x.ckpt.save import CheckpointSaver
from t5x.ckpt.schedule import SaveSchedule
from t5x.ckpt.which import Decision, Start, where_to_start
from t5x.config.operative_config import summarize_gin_config
from t5x.data.barren_tasks import why_no_batch
from t5x.data.dataset import batch_shapes, get_dataset, get_train_dataset, get_training_eval_datasets, require_targets
from t5x.data.dataset_config import DatasetConfig
from t5x.data.evaluation import GenerationEvaluator, check_generation_config
from t5x.data.train_iterator import TrainIterator
from t5x.data.vocabulary import check_vocabulary_fits, verify_matching_vocabs
from t5x.errors import UserError
from t5x.initialize import TrainStateInitializer
from t5x.microbatch import check_microbatches
from t5x.model.interface import BaseModel
from t5x.report.model_info import ArrayInfo, write_model_info
from t5x.report.progress import Progress
from t5x.shard.partitioner import PjitPartitioner
from t5x.stop_signal import on_sigterm
from t5x.train_loop import TrainLoop
from t5x.train_state import FlaxOptimTrainState, parameter_count
from t5x.trainer import Trainer, require_batch

logger = logging.getLogger(__name__)


def train(
    *,
    model: BaseModel,
    train_dataset_cfg: DatasetConfig,
    train_eval_dataset_cfg: DatasetConfig | None,
    infer_eval_dataset_cfg: DatasetConfig | None,
    checkpoint_cfg: CheckpointConfig,
    partitioner: PjitPartitioner,
    trainer_cls: Callable[..., Trainer],
    model_dir: str,
    total_steps: int,
    eval_steps: int,
    eval_period: int,
    relative_steps: int | None = None,
    stats_period: int | None = None,
    random_seed: int | None,
    use_hardware_rng: bool = False,
    summarize_config_fn: Callable[[str, Any, int], None] = summarize_gin_config,
    inference_evaluator_cls: Any = seqio.Evaluator,
    get_dataset_fn: Callable[..., Any] = get_dataset,
    concurrent_metrics: bool = True,
    actions: Mapping[str, Sequence[Any]] | None = None,
    train_eval_get_dataset_fn: Callable[..., Mapping[str, Any]] = get_training_eval_datasets,
    run_eval_before_training: bool = False,
    train_state_initializer_cls: type[TrainStateInitializer] = TrainStateInitializer,
    use_orbax: bool = True,
    verify_matching_vocabs_fn: Callable[[DatasetConfig, BaseModel], None] | None = verify_matching_vocabs,
    gc_period: int = 0,
) -> tuple[int, FlaxOptimTrainState]:
    """Trains a model; a run that was interrupted goes on from its last complete checkpoint.

    Args:
      model: what is trained.
      train_dataset_cfg: what it is trained on.
      train_eval_dataset_cfg: teacher-forced evaluation, or None.
      infer_eval_dataset_cfg: evaluation by generation, or None.
      checkpoint_cfg: what is saved, and what a first start restores.
      partitioner: the mesh.
      trainer_cls: makes the trainer.
      model_dir: the run's folder: checkpoints, metrics, results, operative config.
      total_steps: the step at which training ends; steps of pretraining count.
      eval_steps: batches per task of teacher-forced evaluation.
      eval_period: steps between evaluations, counted from the step the run first began at; 0 for none but the last.
      relative_steps: steps from the start of this run, instead of `total_steps`.
      stats_period: steps between written metrics; those between evaluations and checkpoints if None.
      random_seed: of parameters and dropout, and of data without a seed of its own; None draws one and keeps it.
      use_hardware_rng: draw dropout with the hardware's generator (faster, not the same on all devices).
      summarize_config_fn: called with (model_dir, metric writer, step).
      inference_evaluator_cls: makes SeqIO's evaluator.
      get_dataset_fn: makes the training examples.
      concurrent_metrics: compute metrics of generated text while training goes on.
      actions: not supported; a loss that is not finite always ends training.
      train_eval_get_dataset_fn: makes the batches of teacher-forced evaluation.
      run_eval_before_training: evaluate before the first step too.
      train_state_initializer_cls: makes the first state.
      use_orbax: must be True.
      verify_matching_vocabs_fn: checks a dataset's vocabulary against the model's; None does not check.
      gc_period: not supported.

    Returns:
      The step reached and the state.

    Raises:
      UserError: a mistake in what was given; nothing is overwritten.
    """
    if actions or gc_period or not use_orbax:
        raise UserError("train: actions, gc_period and use_orbax=False are not supported; remove the binding.")
    configs = [cfg for cfg in (train_dataset_cfg, train_eval_dataset_cfg, infer_eval_dataset_cfg) if cfg is not None]
    for cfg in configs:
        if verify_matching_vocabs_fn is not None:
            verify_matching_vocabs_fn(cfg, model)
    check_vocabulary_fits(model)
    if infer_eval_dataset_cfg is not None:
        check_generation_config(infer_eval_dataset_cfg, partitioner)
    _make_folder(model_dir)

    record = run_record.read_or_draw(model_dir, random_seed, train_dataset_cfg.seed)
    layout = partitioner.get_data_layout(train_dataset_cfg.batch_size)
    dataset = get_train_dataset(
        train_dataset_cfg, layout, model.FEATURE_CONVERTER_CLS, record.data_seed, get_dataset_fn
    )
    shapes, types = batch_shapes(dataset, layout.num_shards)
    batches = TrainIterator(
        dataset,
        check_first=lambda batch: require_targets(batch, train_dataset_cfg),
        why_none=lambda: why_no_batch(train_dataset_cfg, layout),
    )
    initializer = train_state_initializer_cls(model, shapes, partitioner, types)
    seed_key = jax.random.key(record.random_seed, impl="rbg" if use_hardware_rng else None)
    init_rng, trainer_rng = jax.random.split(seed_key)
    decision = where_to_start(model_dir, checkpoint_cfg.restore)
    if decision.start is Start.SCRATCH:
        batches.start_reading()
    state = _first_state(initializer, decision, checkpoint_cfg, init_rng)
    first_step = int(state.step)
    if record.first_step is None or decision.start is not Start.RESUME:
        record = dataclasses.replace(record, first_step=first_step, evaluated_step=None)
    last_step = _last_step(first_step, record.first_step, total_steps, relative_steps)
    _place_data(batches, decision, checkpoint_cfg, first_step - record.first_step)

    with Progress(last_step, first_step) as progress:
        progress.phase("preparing the data")
        if first_step < last_step:
            batches.start_reading()
        eval_datasets = {}
        if train_eval_dataset_cfg is not None:
            eval_datasets = train_eval_get_dataset_fn(
                train_eval_dataset_cfg, partitioner, eval_steps, model.FEATURE_CONVERTER_CLS
            )
        if first_step < last_step:
            require_batch(batches, first_step)
        trainer = trainer_cls(
            model=model,
            train_state=state,
            partitioner=partitioner,
            eval_names=list(eval_datasets),
            summary_dir=model_dir,
            train_state_axes=initializer.train_state_axes,
            rng=trainer_rng,
        )
        del state  # the trainer's from here on, which donates its memory
        check_microbatches(
            train_dataset_cfg.batch_size, getattr(trainer, "num_microbatches", None) or 1, partitioner.data_shards
        )
        # Everything given has been looked at; from here on files are written.
        run_record.write(model_dir, record)
        summarize_config_fn(model_dir, trainer.train_writer, first_step)
        _describe_model(model_dir, initializer)
        progress.message(_headline(decision, initializer, partitioner, first_step, last_step, model_dir))

        loop = TrainLoop(
            trainer,
            batches,
            progress,
            _schedule(checkpoint_cfg, record.first_step, last_step),
            eval_datasets=eval_datasets,
            eval_period=eval_period,
            stats_period=stats_period,
            wait_for_metrics=not concurrent_metrics,
            on_evaluated=lambda step: run_record.write_evaluated(model_dir, step),
        )
        was_due = first_step > record.first_step and loop.is_evaluation(first_step)
        evaluate_first = run_eval_before_training or (was_due and record.evaluated_step != first_step)
        if infer_eval_dataset_cfg is not None:
            progress.phase(f"reading {infer_eval_dataset_cfg.mixture_or_task_name} for evaluation")
            loop.evaluator = GenerationEvaluator(
                infer_eval_dataset_cfg,
                model,
                partitioner,
                os.path.join(model_dir, "inference_eval"),
                inference_evaluator_cls,
                lambda: trainer.stop_training,
                progress.phase,
                first_step - 1 if evaluate_first else first_step,
            )
        if first_step < last_step:
            progress.phase("compiling the training step")
            trainer.compile_train(shapes, types)
        if checkpoint_cfg.save is not None:
            loop.saver = CheckpointSaver(model_dir, keep=checkpoint_cfg.save.keep, dtype=checkpoint_cfg.save.dtype)
            loop.save_dataset = checkpoint_cfg.save.save_dataset
        _run(loop, first_step, evaluate_first)
    step = int(trainer.train_state.step)
    logger.info("Stopped at step %d of %d; results in %s", step, last_step, model_dir)
    return step, trainer.train_state


def _schedule(cfg: CheckpointConfig, first_step: int, last_step: int) -> SaveSchedule:
    if cfg.save is None:
        return SaveSchedule(first_step, last_step)
    return SaveSchedule(first_step, last_step, cfg.save.period, tuple(cfg.save.checkpoint_steps or ()))


def _run(loop: TrainLoop, first_step: int, evaluate_first: bool) -> None:
    """Runs the loop; whatever ends it, metrics and the checkpoint under way are finished."""
    trainer, saver = loop.trainer, loop.saver

    def stop() -> None:
        trainer.stop_training = True

    with on_sigterm(stop), contextlib.ExitStack() as stack:
        if saver is not None:
            stack.enter_context(saver)
        stack.callback(loop.progress.phase, "finishing the checkpoint")
        stack.callback(trainer.close)
        loop.run(first_step, evaluate_first)


def _make_folder(model_dir: str) -> None:
    try:
        os.makedirs(model_dir, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"MODEL_DIR {model_dir} cannot be made: {error}. Choose a folder that this user may write to."
        ) from error


def _first_state(
    initializer: TrainStateInitializer, decision: Decision, cfg: CheckpointConfig, rng: jax.Array
) -> FlaxOptimTrainState:
    if decision.start is Start.SCRATCH:
        return initializer.from_scratch(rng)
    if decision.start is Start.RESUME:
        return initializer.from_checkpoint(decision.path, rng=rng, dtype=cfg.save.dtype if cfg.save else None)
    restore = cfg.restore
    return initializer.from_checkpoint(
        decision.path,
        rng=rng,
        dtype=restore.dtype,
        assignment_map=restore.assignment_map,
        fallback_to_scratch=restore.fallback_to_scratch,
    )


def _last_step(first_step: int, run_began_at: int, total_steps: int, relative_steps: int | None) -> int:
    last_step = total_steps if not relative_steps else run_began_at + relative_steps
    if last_step < first_step:
        raise UserError(
            f"training is to end at step {last_step}, but the state it starts from is at step {first_step}: steps "
            f"count from the beginning of pretraining. Set TRAIN_STEPS above {first_step}, or TRAIN_STEPS_RELATIVE."
        )
    return last_step


def _place_data(batches: TrainIterator, decision: Decision, cfg: CheckpointConfig, consumed: int) -> None:
    """Puts the data where the checkpoint was taken."""
    if decision.start is Start.WARM_START and cfg.restore.restore_dataset:
        restore_dataset_state(decision.path, batches)
    if decision.start is not Start.RESUME:
        return
    if has_dataset_state(decision.path) and (cfg.save is None or cfg.save.save_dataset):
        restore_dataset_state(decision.path, batches)
    elif consumed:
        logger.info("No position in the data is saved: reading past the %d batches seen so far.", consumed)
        batches.skip(consumed)


def _describe_model(model_dir: str, initializer: TrainStateInitializer) -> None:
    """Writes model-info.txt."""
    if jax.process_index():
        return

    def infos(shapes: Any, axes: Any, shardings: Any) -> dict[str, ArrayInfo]:
        leaves, treedef = jax.tree.flatten_with_path(shapes)
        names = ["/".join(str(key.key) for key in path) for path, _ in leaves]
        return {
            name: ArrayInfo(leaf.shape, leaf.dtype, axis_names, tuple(where.spec))
            for name, (_, leaf), axis_names, where in zip(
                names, leaves, treedef.flatten_up_to(axes), jax.tree.leaves(shardings), strict=True
            )
        }

    shapes, axes, where = initializer.global_train_state_shape, initializer.train_state_axes, initializer.shardings
    write_model_info(
        os.path.join(model_dir, "model-info.txt"),
        infos(shapes.params, axes.params, where.params),
        infos(shapes.param_states, axes.param_states, where.param_states),
    )


def _headline(
    decision: Decision,
    initializer: TrainStateInitializer,
    partitioner: PjitPartitioner,
    first_step: int,
    last_step: int,
    model_dir: str,
) -> str:
    origin = {
        Start.SCRATCH: "from scratch",
        Start.RESUME: f"resumed from {decision.path}",
        Start.WARM_START: f"started from {decision.path}",
    }[decision.start]
    parameters = parameter_count(initializer.global_train_state_shape.params)
    mesh = " x ".join(f"{name} {size}" for name, size in partitioner.mesh.shape.items())
    return (
        f"{parameters:,} parameters, {origin}; steps {first_step} to {last_step}; "
        f"mesh {mesh} of {partitioner.mesh.devices.flat[0].platform}; results in {model_dir}"
    )
