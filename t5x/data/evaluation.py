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

from t5x.data.dataset_config import DatasetConfig, find_provider, require_split
from t5x.data.inference import get_infer_fn
from t5x.errors import UserError
from t5x.model.interface import BaseModel
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
    ):
        """Reads and tokenises the evaluation data.

        Raises:
          UserError: an unknown task or split, a packed config, or a batch the mesh cannot split.
        """
        if cfg.pack:
            raise UserError(
                "evaluation by generation needs unpacked examples: set infer_eval/utils.DatasetConfig.pack=False."
            )
        provider = find_provider(cfg)
        require_split(provider, cfg)
        partitioner.get_data_layout(cfg.batch_size)
        if jax.process_index() == 0:
            os.makedirs(log_dir, exist_ok=True)  # SeqIO's JSONLogger alone does not make it
        # Keyword names are SeqIO's; gin adds what it binds on the evaluator.
        self._evaluator = evaluator_cls(
            mixture_or_task_name=provider.name,
            feature_converter=model.FEATURE_CONVERTER_CLS(pack=False),
            eval_split=cfg.split,
            use_cached=cfg.use_cached,
            seed=cfg.seed,
            sequence_length=cfg.task_feature_lengths,
            log_dir=log_dir if jax.process_index() == 0 else None,
        )
        tasks = self._evaluator.eval_tasks
        if not tasks:
            logger.warning("No task of %r has metrics for split %r: it is not evaluated.", provider.name, cfg.split)

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
          wait: False lets the metrics be computed in the background, and returns nothing.

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
        if not wait or jax.process_index():
            return {}
        return {task: dict(values) for task, values in metrics.result().items()}

    def close(self) -> None:
        """Waits for metrics still being computed."""
        future = getattr(self._evaluator, "_metrics_future", None)
        if future is not None:
            future.result()
