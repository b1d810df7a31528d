"""What an optimizer is: a pair of pure functions, `init_state` and `apply_gradient`, and the state between them.

Source: T5X `optimizers.OptimizerDef` and `Optimizer`; the state lies in checkpoints as `state/{step, param_states}`.
`param_states` is always a nested dict with string keys and no empty parts, exactly as it lies in a checkpoint.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, NamedTuple

from flax import struct
from jaxtyping import Array, Float, Int

PyTree = Any


class OptimizerState(NamedTuple):
    """The step, a int32 scalar, and what the optimizer keeps besides."""

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
        """Returns the logical axes of `param_states`: a tuple of names, or None, for each array.

        Args:
          params: parameters or their shapes.
          axes: tuples of names for these parameters, and perhaps for others too.
        """

    def learning_rate(self, state: OptimizerState, schedule_value: Float[Array, ""]) -> Float[Array, ""]:
        """Returns the rate of the step after `state`: the trainer's schedule, unless the optimizer brings its own."""
        del state
        return schedule_value

    def create(self, target: PyTree) -> Optimizer:
        """Returns these parameters with a fresh state."""
        return Optimizer(self, self.init_state(target), target)

    def derive_logical_axes(self, optimizer: Optimizer, param_logical_axes: PyTree) -> Optimizer:
        """Returns the optimizer with logical axes in the places of its arrays; the step, a scalar, has None."""
        state_axes = self.param_state_axes(optimizer.target, param_logical_axes)
        return optimizer.replace(state=OptimizerState(None, state_axes), target=param_logical_axes)


OptimizerDefType = OptimizerDef


@struct.dataclass
class Optimizer:
    """Parameters, called `target`, with the state of their optimizer. A pytree."""

    optimizer_def: OptimizerDef = struct.field(pytree_node=False)
    state: OptimizerState
    target: PyTree

    def apply_gradient(self, grads: PyTree, learning_rate: Float[Array, ""]) -> Optimizer:
        """Returns parameters and state after one step."""
        target, state = self.optimizer_def.apply_gradient(self.target, self.state, grads, learning_rate)
        return self.replace(target=target, state=state)

    def state_dict(self) -> dict[str, Any]:
        """Returns parameters and state as they lie in checkpoints."""
        return {"target": self.target, "state": self.state._asdict()}

    def restore_state(self, state: Mapping[str, Any]) -> Optimizer:
        """Returns this optimizer with the values of `state`, laid out as `state_dict` does."""
        restored = OptimizerState(state["state"]["step"], state["state"].get("param_states", {}))
        return self.replace(target=state["target"], state=restored)
