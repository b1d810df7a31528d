"""What a training step changes: step, parameters, optimizer state.

Source: T5X `train_state.FlaxOptimTrainState`. In checkpoints it lies as
`{'target': params, 'state': {'step', 'param_states'}, ['flax_mutables']}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from flax import struct
from jaxtyping import Array, Float, Int

from t5x.optim.optimizer_def import OptimizerDef, OptimizerState, PyTree


@struct.dataclass
class FlaxOptimTrainState:
    """The state of training. A pytree; the optimizer itself is static."""

    step: Int[Array, ""]
    params: PyTree
    param_states: PyTree
    optimizer_def: OptimizerDef = struct.field(pytree_node=False)
    flax_mutables: PyTree | None = None

    @classmethod
    def create(
        cls, optimizer_def: OptimizerDef, params: PyTree, flax_mutables: PyTree | None = None
    ) -> FlaxOptimTrainState:
        """Returns the state before the first step, for plain (unboxed) parameters."""
        state = optimizer_def.init_state(params)
        return cls(state.step, params, state.param_states, optimizer_def, flax_mutables)

    def apply_gradient(
        self, grads: PyTree, learning_rate: Float[Array, ""], flax_mutables: PyTree | None = None
    ) -> FlaxOptimTrainState:
        """Returns the state after one step."""
        params, state = self.optimizer_def.apply_gradient(
            self.params, OptimizerState(self.step, self.param_states), grads, learning_rate
        )
        mutables = self.flax_mutables if flax_mutables is None else flax_mutables
        return self.replace(step=state.step, params=params, param_states=state.param_states, flax_mutables=mutables)

    def learning_rate(self, scheduled: Float[Array, ""]) -> Float[Array, ""]:
        """Returns the rate that the next step will use, where the trainer's schedule says `scheduled`."""
        return self.optimizer_def.learning_rate(OptimizerState(self.step, self.param_states), scheduled)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state as it lies in checkpoints."""
        tree = {"target": self.params, "state": {"step": self.step, "param_states": self.param_states}}
        if self.flax_mutables is not None:
            tree["flax_mutables"] = self.flax_mutables
        return tree

    def restore_state(self, tree: Mapping[str, Any]) -> FlaxOptimTrainState:
        """Returns this state with the values of `tree`, laid out as `state_dict` does.

        A `tree` without `param_states` is that of an optimizer that keeps none, such as plain SGD.
        """
        return self.replace(
            step=tree["state"]["step"],
            params=tree["target"],
            param_states=tree["state"].get("param_states", {}),
            flax_mutables=tree.get("flax_mutables"),
        )

    def replace_params(self, params: PyTree) -> FlaxOptimTrainState:
        """Returns this state with other parameters."""
        return self.replace(params=params)

    def replace_step(self, step: Int[Array, ""]) -> FlaxOptimTrainState:
        """Returns this state at another step."""
        return self.replace(step=step)


TrainState = FlaxOptimTrainState


def parameter_count(params: PyTree) -> int:
    """Returns how many numbers the parameters hold."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
