"""What an optimizer is: a pair of pure functions, `init_state` and `apply_gradient`, and the state between them.

Source: T5X `optimizers.OptimizerDef`; the state lies in checkpoints as `state/{step, param_states}`.
"""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int

PyTree = Any


class OptimizerState(NamedTuple):
    """The step, a int32 scalar, and one entry per parameter."""

    step: Int[Array, ""]
    param_states: PyTree


class OptimizerDef(abc.ABC):
    """An optimizer. Instances hold hyperparameters only."""

    @abc.abstractmethod
    def init_state(self, params: PyTree) -> OptimizerState:
        """Returns the state before the first step."""

    @abc.abstractmethod
    def apply_gradient(
        self, params: PyTree, state: OptimizerState, grads: PyTree, learning_rate: Float[Array, ""]
    ) -> tuple[PyTree, OptimizerState]:
        """Returns the parameters and the state after one step."""

    @abc.abstractmethod
    def param_state_axes(self, params: PyTree, axes: PyTree) -> PyTree:
        """Returns the logical axes of `param_states`, given shapes and axes (tuples of names) of the parameters."""

    def learning_rate(self, step: Int[Array, ""], schedule_value: Float[Array, ""]) -> jax.Array:
        """Returns the rate this optimizer uses at `step`: the trainer's schedule, unless it brings its own."""
        del step
        return schedule_value


OptimizerDefType = OptimizerDef
