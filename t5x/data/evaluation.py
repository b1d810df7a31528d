"""Evaluation by generation: SeqIO's evaluator around a model.

Enters: a DatasetConfig, a model, parameters. Leaves: metrics by task, and SeqIO's result files in `log_dir`.
Source: T5X `train.py` and `eval.py` around `seqio.Evaluator`. Effects: reads data, writes result files.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import seqio
import tensorflow as tf

from t5x.data.dataset_config import DatasetConfig, find_provider, require_cache, require_split
from t5x.data.inference import get_infer_fn
from t5x.errors import UserError
from t5x.model.interface import BaseModel
from t5x.report.jsonl_writer import cut_after
from t5x.shard.partitioner import PjitPartitioner

logger = logging.getLogger(__name__)

# (text, done, total)
OnProgress = Callable[[str, int, int], None]


class GenerationEvaluator:
    """Evaluates parameters on all tasks of a mixture that have metrics."""

    def __init__(
        self,
        cfg: DatasetConfig,
        model: BaseModel,
        partitioner: PjitPartitioner,
        log_dir: str,
        evaluator_cls: Any = seqio.Evaluator,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: OnProgress = lambda text, done, total: None,
        first_step: int | None = None,
    ):
        """Reads and tokenises the evaluation data.

        Args:
          cfg: what to evaluate on.
          model: what to evaluate.
          partitioner: the mesh.
          log_dir: folder of SeqIO's result files.
          evaluator_cls: makes SeqIO's evaluator.
          should_stop: looked at between batches.
          on_progress: told how far an evaluation is.
          first_step: of a run that goes on; metrics of later steps are cut from the result files. None keeps all.

        Raises:
          UserError: an unknown task or split, a packed config, or a batch the mesh cannot split.
        """
        check_generation_config(cfg, partitioner)
        provider = find_provider(cfg)
        self._running: list[tuple[int, Any]] = []  # (step, future) of metrics being computed
        self._evaluator = _make_evaluator(evaluator_cls, cfg, provider, model, log_dir)
        tasks = self._evaluator.eval_tasks
        if not tasks:
            logger.warning("No task of %r has metrics for split %r: it is not evaluated.", provider.name, cfg.split)
        if jax.process_index() == 0:
            os.makedirs(log_dir, exist_ok=True)  # not every one of SeqIO's loggers makes it
            for task in tasks if first_step is not None else ():
                # SeqIO appends, so what an interrupted run wrote after its last checkpoint would stand there twice.
                cut_after(os.path.join(log_dir, f"{task.name}-metrics.jsonl"), first_step)

        def on_batch(done: int, total: int) -> None:
            on_progress(f"evaluating {provider.name}", done, total)

        def infer_fn(step: Callable) -> Callable:
            return get_infer_fn(step, cfg.batch_size, partitioner, should_stop, on_batch)

        self._predict = infer_fn(lambda params, batch, rng: model.predict_batch(params, batch, rng))
        self._predict_with_aux = infer_fn(lambda params, batch, rng: model.predict_batch_with_aux(params, batch, rng))
        self._score = infer_fn(lambda params, batch, rng: model.score_batch(params, batch))

    @property
    def has_tasks(self) -> bool:
        """Whether there is anything to evaluate."""
        return bool(self._evaluator.eval_tasks)

    @property
    def feature_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes `[L]` of an example's model features."""
        return self._evaluator.model_feature_shapes

    def evaluate(self, params: Any, step: int, wait: bool = True) -> dict[str, dict[str, Any]]:
        """Returns metrics by task.

        Args:
          params: parameters.
          step: under which results are filed.
          wait: False lets the metrics be computed in the background, for `finished` to return.

        Raises:
          t5x.data.inference.Stopped: the run was asked to stop meanwhile.
        """

        def predict_with_aux(dataset: Any) -> tuple[list[tuple[int, Any]], dict[str, list[tuple[int, Any]]]]:
            results = self._predict_with_aux(dataset, params)
            auxiliary: dict[str, list[tuple[int, Any]]] = {}
            for index, (_, values) in results:
                for name, value in values.items():
                    auxiliary.setdefault(name, []).append((index, value))
            return [(index, tokens) for index, (tokens, _) in results], auxiliary

        metrics, _ = self._evaluator.evaluate(
            compute_metrics=jax.process_index() == 0,
            step=step,
            predict_fn=lambda dataset: self._predict(dataset, params),
            score_fn=lambda dataset: self._score(dataset, params),
            predict_with_aux_fn=predict_with_aux,
        )
        if jax.process_index():
            return {}
        self._running.append((step, metrics))
        return dict(self.finished(wait=True))[step] if wait else {}

    def finished(self, wait: bool = False) -> list[tuple[int, dict[str, dict[str, Any]]]]:
        """Returns (step, metrics by task) of evaluations whose metrics are computed and were not returned before.

        Args:
          wait: wait for those still being computed.

        Raises:
          UserError: results could not be written.
        """
        done = [(step, future) for step, future in self._running if wait or future.done()]
        self._running = [entry for entry in self._running if entry not in done]
        return [(step, _result(future)) for step, future in done]


def check_generation_config(cfg: DatasetConfig, partitioner: PjitPartitioner) -> None:
    """Raises UserError for a packed config, an unknown task or split, or a batch that the mesh cannot split."""
    if cfg.pack:
        raise UserError(
            "evaluation by generation needs unpacked examples: set infer_eval/utils.DatasetConfig.pack=False."
        )
    require_split(find_provider(cfg), cfg)
    require_cache(find_provider(cfg), cfg)
    partitioner.get_data_layout(cfg.batch_size)


def _make_evaluator(evaluator_cls: Any, cfg: DatasetConfig, provider: Any, model: BaseModel, log_dir: str) -> Any:
    try:
        # Keyword names are SeqIO's; gin adds what it binds on the evaluator.
        return evaluator_cls(
            mixture_or_task_name=provider.name,
            feature_converter=model.FEATURE_CONVERTER_CLS(pack=False),
            eval_split=cfg.split,
            use_cached=cfg.use_cached,
            seed=cfg.seed,
            sequence_length=cfg.task_feature_lengths,
            log_dir=log_dir if jax.process_index() == 0 else None,
        )
    except ValueError as error:
        if cfg.task_feature_lengths is None and "sequence_length" in str(error):
            raise UserError(
                f"a task of {provider.name!r} prepares its examples for a given length, so evaluation needs lengths "
                f"too: set infer_eval/utils.DatasetConfig.task_feature_lengths (TASK_FEATURE_LENGTHS for t5x eval). "
                f"SeqIO says: {error}"
            ) from error
        raise


def _result(future: Any) -> dict[str, dict[str, Any]]:
    try:
        return {task: dict(values) for task, values in future.result().items()}
    except ValueError as error:  # SeqIO's, around whatever happened
        if isinstance(error.__cause__, (OSError, tf.errors.OpError)):
            raise UserError(f"evaluation results cannot be written: {error}. Free space, or mend the folder.") from (
                error
            )
        raise
