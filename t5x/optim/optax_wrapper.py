"""Optimizers of optax as optimizers of T5X.

They use the learning rate they were made with, a number or an optax schedule; that of the trainer means nothing to
them, and the rate logged is theirs. Source: T5X `optimizers.OptaxWrapper`, `wrap_optax_optimizer`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from t5x.errors import UserError, nearest
from t5x.optim.optax_rate import rate_in_use
from t5x.optim.optax_state import OptaxStatePartitionRules, abstract_state, from_dict, to_dict
from t5x.optim.optimizer_def import OptimizerDef, OptimizerState, PyTree


class OptaxWrapper(OptimizerDef):
    """An optax optimizer; its state is kept as in checkpoints and put together for each step."""

    def __init__(self, optax_optimizer: optax.GradientTransformation):
        """Sets the optimizer.

        Raises:
          UserError: it is no optax optimizer.
        """
        if not isinstance(optax_optimizer, optax.GradientTransformation):
            raise UserError(
                f"OptaxWrapper.optax_optimizer is {optax_optimizer!r}, a {type(optax_optimizer).__name__}; expected an "
                "optax optimizer (an optax.GradientTransformation), in gin for example @optax.adamw()."
            )
        self.optax_optimizer = optax_optimizer

    def init_state(self, params: PyTree) -> OptimizerState:
        return OptimizerState(jnp.zeros((), jnp.int32), to_dict(self.optax_optimizer.init(params)))

    def apply_gradient(
        self, params: PyTree, state: OptimizerState, grads: PyTree, learning_rate: Float[Array, ""] | None = None
    ) -> tuple[PyTree, OptimizerState]:
        """Returns parameters and state after one step; `learning_rate` is not used.

        Raises:
          UserError: the state is another optimizer's.
        """
        del learning_rate
        updates, new_state = self.optax_optimizer.update(grads, self._optax_state(params, state), params)
        return optax.apply_updates(params, updates), OptimizerState(state.step + 1, to_dict(new_state))

    def _optax_state(self, params: PyTree, state: OptimizerState) -> PyTree:
        return from_dict(state.param_states, abstract_state(self.optax_optimizer, params))

    def param_state_axes(self, params: PyTree, axes: PyTree) -> PyTree:
        state = abstract_state(self.optax_optimizer, params)
        return OptaxStatePartitionRules.derive_optax_logical_axes(state, params, axes)

    def learning_rate(self, state: OptimizerState, schedule_value: Float[Array, ""]) -> Float[Array, ""]:
        """Returns the optimizer's own rate; NaN where it has none that is one number."""
        del schedule_value
        return rate_in_use(self.optax_optimizer, state.param_states)


def wrap_optax_optimizer(optax_optimizer: Callable[..., optax.GradientTransformation]) -> Callable[..., OptaxWrapper]:
    """Returns a function with the same parameters as `optax_optimizer` that gives its result as an `OptaxWrapper`."""
    signature = inspect.signature(optax_optimizer)

    @functools.wraps(optax_optimizer)
    def wrapped(*args: Any, **kwargs: Any) -> OptaxWrapper:
        where = f"optimizers.{optax_optimizer.__name__}"
        listing = f"its hyperparameters are {', '.join(signature.parameters)}"
        for name in kwargs:
            if name not in signature.parameters:
                hint = nearest(name, signature.parameters)
                raise UserError(f"{where} has no hyperparameter {name!r}; {listing}.{hint}")
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise UserError(
                f"{where}: {error}; {listing}. In gin: {where}.learning_rate = 0.001, for example; the trainer's "
                "schedule does not reach optax's optimizers."
            ) from None
        return OptaxWrapper(optax_optimizer(*args, **kwargs))

    return wrapped
