"""The trainer: runs steps on batches, keeps the state, adds up metrics on the device.

Enters: device batches. Leaves: the next state, and plain numbers once per call. Source: T5X `trainer.Trainer`.
Effects: writes metrics into `summary_dir`, where one is given.
"""

from __future__ import annotations

import collections
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from t5x import metrics as metrics_lib
from t5x.errors import UserError
from t5x.model.interface import BaseModel
from t5x.optim.learning_rate import LearningRateCallable
from t5x.report.metric_writer import MetricWriter, NoWriter, create_metric_writer
from t5x.shard.partitioner import PjitPartitioner
from t5x.train_state import FlaxOptimTrainState
from t5x.train_step import eval_step, train_step

# Steps that may be under way on the device while the host prepares the next batch.
STEPS_IN_FLIGHT = 2
# What is read of every step, for whoever watches the run.
SHOWN_METRICS = (
    "loss",
    "loss_per_nonpadding_target_token",
    "accuracy",
    "learning_rate",
    "timing/nonpadding_tokens_per_second",
)

OnStep = Callable[[int, Mapping[str, float]], None]
HostBatch = Mapping[str, np.ndarray]


class Trainer:
    """Trains and evaluates a model whose state it holds."""

    def __init__(
        self,
        model: BaseModel,
        train_state: FlaxOptimTrainState,
        partitioner: PjitPartitioner,
        eval_names: Sequence[str],
        summary_dir: str | None,
        train_state_axes: Any,
        rng: jax.Array,
        learning_rate_fn: LearningRateCallable,
        num_microbatches: int | None = None,
        weight_metrics_computer: Any | None = None,
    ):
        """Sets up the steps; nothing is compiled yet.

        Args:
          model: gives losses and metrics.
          train_state: what training starts from.
          partitioner: says where arrays lie.
          eval_names: names of the evaluations that `eval` will be asked for.
          summary_dir: where metrics are written; nowhere if None.
          train_state_axes: the state's logical axes.
          rng: key of dropout.
          learning_rate_fn: schedule over steps.
          num_microbatches: how many pieces a batch is cut into.
          weight_metrics_computer: not supported.
        """
        if weight_metrics_computer is not None:
            raise UserError("Trainer.weight_metrics_computer is not supported; remove the binding.")
        self._model = model
        self._partitioner = partitioner
        self._rng = rng
        self._learning_rate_fn = learning_rate_fn
        self.num_microbatches = num_microbatches
        self.train_state = train_state
        self.stop_training = False
        self.compilation_seconds = 0.0
        self._summary_dir = summary_dir
        self._eval_names = list(eval_names)
        self._first_step = int(train_state.step)
        state = partitioner.shardings(train_state_axes, train_state)
        data, whole = partitioner.data_sharding, partitioner.replicated
        self._train_step = partitioner.partition(self._step, (state, data, whole), (state, whole), (), (0,))
        self._eval_step = partitioner.partition(self._evaluate, (state, data), whole)
        self._merge = jax.jit(metrics_lib.merge, donate_argnums=0)
        self._compiled_train: Callable | None = None

    @functools.cached_property
    def train_writer(self) -> MetricWriter:
        """Writes metrics of training. Opened at its first use: lines of an earlier start may be cut then."""
        return self._writer("train")

    @functools.cached_property
    def eval_writers(self) -> dict[str, MetricWriter]:
        """Write metrics of teacher-forced evaluation, by name."""
        return {name: self._writer(os.path.join("training_eval", name)) for name in self._eval_names}

    def _writer(self, name: str) -> MetricWriter:
        if self._summary_dir is None:
            return NoWriter()
        return create_metric_writer(os.path.join(self._summary_dir, name), self._first_step)

    def _step(self, state: FlaxOptimTrainState, batch: dict[str, jax.Array], rng: jax.Array):
        return train_step(self._model, state, batch, rng, self._learning_rate_fn, self.num_microbatches)

    def _evaluate(self, state: FlaxOptimTrainState, batch: dict[str, jax.Array]):
        return eval_step(self._model, state, batch)

    def compile_train(self, shapes: Mapping[str, tuple[int, ...]], types: Mapping[str, Any]) -> jax.stages.Compiled:
        """Compiles the training step for global batches of these shapes, so that the first step is like all others.

        Returns the compiled step, whose costs and memory can be asked for.
        """
        start = time.monotonic()
        where = self._partitioner.data_sharding
        batch = {name: jax.ShapeDtypeStruct(shapes[name], types[name], sharding=where) for name in shapes}
        self._compiled_train = self._train_step.lower(self.train_state, batch, self._rng).compile()
        self.compilation_seconds = time.monotonic() - start
        return self._compiled_train

    def train(
        self,
        batch_iter: Iterator[HostBatch],
        num_steps: int,
        start_step: int | None = None,
        on_step: OnStep | None = None,
    ) -> dict[str, float]:
        """Trains `num_steps` steps, fewer if `stop_training` is set meanwhile, and returns their metrics.

        While the device computes a step the host prepares the next batch.

        Args:
          batch_iter: batches of this process's rows.
          num_steps: how many.
          start_step: step of the first; that of the state if None.
          on_step: called with a finished step's number and a few of its metrics, a little after it.

        Raises:
          UserError: the loss is not a finite number, or the batches ran out.
        """
        step = int(self.train_state.step) if start_step is None else start_step
        run = self._compiled_train or self._train_step
        total: metrics_lib.MetricsMap | None = None
        under_way: collections.deque = collections.deque()
        start, done = time.monotonic(), 0
        finished_at = start

        def finish() -> None:
            nonlocal finished_at
            finished_at = self._report(*under_way.popleft(), finished_at, on_step)

        while done < num_steps and not self.stop_training:
            batch = self._partitioner.global_batch(dict(_next(batch_iter, step)))
            self.train_state, step_metrics = run(self.train_state, batch, self._rng)
            step, done = step + 1, done + 1
            under_way.append((step, step_metrics))
            # The copy keeps the step's own numbers; `merge` reuses the memory of the total.
            total = jax.tree.map(lambda x: x + 0, step_metrics) if total is None else self._merge(total, step_metrics)
            if len(under_way) > STEPS_IN_FLIGHT:
                finish()
        while under_way:
            finish()
        if total is None:
            return {}
        seconds = time.monotonic() - start
        scalars = metrics_lib.finalize(jax.device_get(total), done, seconds)
        if "learning_rate" in scalars:
            scalars["learning_rate/current"] = float(self._learning_rate_in_use())
        self.train_writer.write_scalars(step, scalars)
        return scalars

    def _learning_rate_in_use(self) -> jax.Array:
        state = self.train_state
        return state.learning_rate(self._learning_rate_fn(state.step))

    def _report(
        self, step: int, step_metrics: metrics_lib.MetricsMap, last_finished: float, on_step: OnStep | None
    ) -> float:
        """Waits for a step, looks at its loss, and returns when it was finished."""
        wanted = jax.device_get({name: step_metrics[name] for name in SHOWN_METRICS if name in step_metrics})
        finished = time.monotonic()
        values = metrics_lib.finalize(wanted, 1, finished - last_finished)
        if not np.isfinite(values.get("loss", 0.0)):
            raise UserError(
                f"the loss is {values['loss']} at step {step}. Nothing of this state was saved; the last checkpoint is "
                "intact. Lower the learning rate, add warmup (utils.create_learning_rate_scheduler), or compute "
                "attention in float32 (network.T5Config.float32_attention_logits=True), and run the same command again."
            )
        if on_step is not None:
            on_step(step, values)
        return finished

    def eval(self, batch_iters: Mapping[str, Iterator[HostBatch]]) -> dict[str, dict[str, float]]:
        """Returns, by name, the metrics of all batches of each iterator, without dropout; writes them too."""
        results = {}
        for name, batches in batch_iters.items():
            start, count, total = time.monotonic(), 0, None
            for batch in batches:
                if self.stop_training:
                    return results
                values = self._eval_step(self.train_state, self._partitioner.global_batch(dict(batch)))
                total = values if total is None else self._merge(total, values)
                count += 1
            if total is None:
                raise UserError(f"the evaluation {name!r} has no batch: its split is empty, or smaller than its batch.")
            scalars = metrics_lib.finalize(jax.device_get(total), count, time.monotonic() - start)
            self.eval_writers.get(name, NoWriter()).write_scalars(int(self.train_state.step), scalars)
            results[name] = scalars
        return results

    def close(self) -> None:
        """Finishes writing metrics."""
        for writer in [self.train_writer, *self.eval_writers.values()]:
            writer.close()


def require_batch(batches: Any, step: int) -> None:
    """Raises UserError where an iterator that can `peek` has no batch left for the step after `step`."""
    try:
        batches.peek()
    except StopIteration:
        raise _no_batch(step) from None


def _next(batch_iter: Iterator[HostBatch], step: int) -> HostBatch:
    try:
        return next(batch_iter)
    except StopIteration:
        raise _no_batch(step) from None


def _no_batch(step: int) -> UserError:
    return UserError(
        f"the training data ended at step {step}: the split is empty, holds fewer examples than one batch, or no "
        "example is left after preprocessing. Look at the task's split and at task_feature_lengths, or use a "
        "smaller batch_size."
    )
