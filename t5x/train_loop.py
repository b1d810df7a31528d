"""The loop of a run: train up to the next event, then checkpoint, evaluate teacher-forced, evaluate by generation.

Events count from the step the run first began at, not from where it was resumed, so that an interrupted run saves
and evaluates at the steps of one never stopped.
Source: T5X's order of events. Effects: those of the trainer, the saver and the evaluator it drives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from t5x.ckpt.save import CheckpointSaver
from t5x.ckpt.schedule import SaveSchedule
from t5x.data.evaluation import GenerationEvaluator
from t5x.data.inference import Stopped
from t5x.data.train_iterator import TrainIterator
from t5x.errors import UserError
from t5x.finite import names_not_finite
from t5x.report.progress import Progress
from t5x.trainer import Trainer

_SHOWN = 3  # arrays named in a message


@dataclasses.dataclass
class TrainLoop:
    """What the loop drives, and when.

    Attributes:
      trainer: trains and evaluates.
      batches: training data.
      progress: shows how far the run is.
      schedule: the step the run first began at, the last step, and when to save.
      saver: writes checkpoints; None for none.
      save_dataset: save the position in the data too.
      eval_datasets: batches of teacher-forced evaluation by name.
      evaluator: evaluates by generation; None for none.
      eval_period: steps between evaluations; 0 for none but the last.
      stats_period: steps between written metrics; those between other events if None.
      wait_for_metrics: compute metrics of generated text before training goes on.
      on_evaluated: called with a step once all its results are on disk.
    """

    trainer: Trainer
    batches: TrainIterator
    progress: Progress
    schedule: SaveSchedule
    saver: CheckpointSaver | None = None
    save_dataset: bool = False
    eval_datasets: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evaluator: GenerationEvaluator | None = None
    eval_period: int = 0
    stats_period: int | None = None
    wait_for_metrics: bool = False
    on_evaluated: Callable[[int], None] = lambda step: None

    def run(self, first_step: int, evaluate_first: bool) -> None:
        """Trains from `first_step` to the last step, or until the trainer is asked to stop."""
        step, last_step = first_step, self.schedule.last_step
        if first_step < last_step and self.schedule.is_due(first_step):
            self._save(step)
        if evaluate_first:
            self._evaluate(step)
        while step < last_step and not self.trainer.stop_training:
            self.trainer.train(self.batches, self._next_event(step) - step, step, self._show)
            step = int(self.trainer.train_state.step)
            if self.schedule.is_due(step) or self.trainer.stop_training:
                self._save(step)
            if self.is_evaluation(step):
                self._evaluate(step)
            self._collect()
        if self.trainer.stop_training:  # perhaps during an evaluation, after a step that is not saved otherwise
            self._save(step)
        self._collect(wait=True)

    def is_evaluation(self, step: int) -> bool:
        """Says whether the run evaluates after `step` steps."""
        passed = step - self.schedule.first_step
        return step == self.schedule.last_step or bool(self.eval_period and passed and passed % self.eval_period == 0)

    def _next_event(self, step: int) -> int:
        first_step = self.schedule.first_step
        stops = [self.schedule.last_step, self.schedule.next_after(step)]
        for period in (self.eval_period, self.stats_period):
            if period:
                stops.append(first_step + ((step - first_step) // period + 1) * period)
        return min(stops)

    def _save(self, step: int) -> None:
        if self.saver is None:
            return
        self.progress.phase("saving")
        state = self.trainer.train_state.state_dict()
        _require_finite(state, step)
        self.saver.save(step, state, self.batches if self.save_dataset else None)

    def _evaluate(self, step: int) -> None:
        """Evaluates, unless the run is asked to stop; then the next start does."""
        if self.trainer.stop_training:
            return
        if self.eval_datasets:
            self.progress.phase("evaluating")
            results = self.trainer.eval({name: d.as_numpy_iterator() for name, d in self.eval_datasets.items()})
            for name, scalars in results.items():
                loss, accuracy = scalars["loss_per_nonpadding_target_token"], scalars["accuracy"]
                self.progress.message(f"step {step}: {name}: loss {loss:.4f} a token, accuracy {accuracy:.4f}")
        if self.trainer.stop_training:
            return
        if self.evaluator is None or not self.evaluator.has_tasks:
            self.on_evaluated(step)
            return
        try:
            self.evaluator.evaluate(self.trainer.train_state.params, step, wait=False)
        except Stopped:
            return
        self._collect(wait=self.wait_for_metrics)

    def _collect(self, wait: bool = False) -> None:
        """Shows the metrics of generated text that are ready by now, and looks whether the last save has failed."""
        if self.saver is not None:
            self.saver.check()
        if self.evaluator is None:
            return
        for step, results in self.evaluator.finished(wait):
            for name, values in results.items():
                shown = ", ".join(f"{key} {value:.4g}" for key, value in values.items() if np.isscalar(value))
                self.progress.message(f"step {step}: {name}: {shown}")
            self.on_evaluated(step)

    def _show(self, step: int, values: Mapping[str, float]) -> None:
        self.progress.step(step, values)


def _require_finite(state: Mapping[str, Any], step: int) -> None:
    spoilt = names_not_finite(state)
    if spoilt:
        more = f" and {len(spoilt) - _SHOWN} more" if len(spoilt) > _SHOWN else ""
        raise UserError(
            f"after step {step} {len(spoilt)} arrays of the state hold NaN or infinity ({', '.join(spoilt[:_SHOWN])}"
            f"{more}). Nothing of this state was saved; the last checkpoint is intact. Lower the learning rate, add "
            "warmup (utils.create_learning_rate_scheduler), or look at the loss just before in train/metrics.jsonl, "
            "and run the same command again."
        )
