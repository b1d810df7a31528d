"""Different optimizers for different parameters; parameters that none of them has stay as they are.

Source: T5X `optimizers.MultiOptimizer`. Each part's state lies under the names of its parameters, as in T5X's
checkpoints; that of an optax optimizer, which is not one entry per parameter, under `optimizer_<position>`.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from flax import traverse_util
from jaxtyping import Array, Float

from t5x.errors import UserError
from t5x.optim.optax_wrapper import OptaxWrapper
from t5x.optim.optimizer_def import OptimizerDef, OptimizerState, PyTree


class MultiOptimizer(OptimizerDef):
    """Optimizers, each for the parameters that its traversal selects.

    The gradients of parameters that none of them has are not used, so XLA does not compute them.
    """

    def __init__(self, traversals_and_optimizers: Sequence[tuple[traverse_util.Traversal, OptimizerDef]]):
        """Sets the parts.

        Args:
          traversals_and_optimizers: pairs such as `(flax.traverse_util.ModelParamTraversal(filter_fn), Adafactor())`;
            `filter_fn` gets a name such as '/encoder/layers_0/mlp/wi/kernel' and the parameter.

        Raises:
          UserError: there is no pair, or something else in place of one.
        """
        pairs = list(traversals_and_optimizers)
        for i, pair in enumerate(pairs):
            if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[1], OptimizerDef)):
                raise UserError(
                    f"MultiOptimizer.traversals_and_optimizers[{i}] is {pair!r}; expected a pair of a traversal, such "
                    "as @traverse_util.ModelParamTraversal(), and an optimizer, such as @adafactor.Adafactor()."
                )
        if not pairs:
            raise UserError("MultiOptimizer.traversals_and_optimizers is empty, so that nothing would be trained.")
        self.traversals = tuple(traversal for traversal, _ in pairs)
        self.sub_optimizers = tuple(optimizer for _, optimizer in pairs)

    def _names(self, params: PyTree) -> list[list[tuple[str, ...]]]:
        """Returns the names of each part's parameters.

        Raises:
          UserError: a parameter is in two parts, or a part has none.
        """
        mark = object()
        flat = traverse_util.flatten_dict(params)
        owner: dict[tuple[str, ...], int] = {}
        for i, traversal in enumerate(self.traversals):
            marked = traverse_util.flatten_dict(traversal.update(lambda _: mark, params))
            selected = [name for name in flat if marked[name] is mark]
            if not selected:
                raise UserError(
                    f"MultiOptimizer.traversals_and_optimizers[{i}] selects no parameter; of {len(flat)} parameters "
                    f"the first are {', '.join('/' + '/'.join(name) for name in list(flat)[:3])} (a filter_fn sees "
                    "names with the slash in front). Correct its filter_fn, or remove the pair."
                )
            for name in selected:
                if name in owner:
                    raise UserError(
                        f"parameter /{'/'.join(name)} is selected by MultiOptimizer.traversals_and_optimizers"
                        f"[{owner[name]}] and [{i}]; a parameter can have one optimizer. Make their filters disjoint."
                    )
                owner[name] = i
        return [[name for name in flat if owner.get(name) == i] for i in range(len(self.traversals))]

    def init_state(self, params: PyTree) -> OptimizerState:
        parts = self._parts(params)
        states = [
            optimizer.init_state(part).param_states for optimizer, part in zip(self.sub_optimizers, parts, strict=True)
        ]
        return OptimizerState(jnp.zeros((), jnp.int32), self._merged(states))

    def apply_gradient(
        self, params: PyTree, state: OptimizerState, grads: PyTree, learning_rate: Float[Array, ""] | None = None
    ) -> tuple[PyTree, OptimizerState]:
        new_params = traverse_util.flatten_dict(params)
        new_states = []
        for i, names in enumerate(self._names(params)):
            part_state = OptimizerState(state.step, self._state_of(i, names, state.param_states))
            part, new_state = self.sub_optimizers[i].apply_gradient(
                _subtree(params, names), part_state, _subtree(grads, names), learning_rate
            )
            new_params.update(traverse_util.flatten_dict(part))
            new_states.append(new_state.param_states)
        return traverse_util.unflatten_dict(new_params), OptimizerState(state.step + 1, self._merged(new_states))

    def param_state_axes(self, params: PyTree, axes: PyTree) -> PyTree:
        parts = self._parts(params)
        return self._merged(
            [o.param_state_axes(part, axes) for o, part in zip(self.sub_optimizers, parts, strict=True)]
        )

    def learning_rate(self, state: OptimizerState, schedule_value: Float[Array, ""]) -> Float[Array, ""]:
        """Returns the rate of the first optimizer."""
        first = self.sub_optimizers[0]
        if isinstance(first, OptaxWrapper):
            state = OptimizerState(state.step, state.param_states.get(_key(0), {}))
        return first.learning_rate(state, schedule_value)

    def _parts(self, params: PyTree) -> list[PyTree]:
        return [_subtree(params, names) for names in self._names(params)]

    def _state_of(self, position: int, names: Sequence[tuple[str, ...]], states: PyTree) -> PyTree:
        if isinstance(self.sub_optimizers[position], OptaxWrapper):
            return states.get(_key(position), {})
        return _subtree(states, names)

    def _merged(self, states: Sequence[PyTree]) -> PyTree:
        flat = {}
        for i, (optimizer, state) in enumerate(zip(self.sub_optimizers, states, strict=True)):
            nested = {_key(i): state} if isinstance(optimizer, OptaxWrapper) else state
            flat.update(traverse_util.flatten_dict(nested))
        return traverse_util.unflatten_dict(flat)


def _key(position: int) -> str:
    return f"optimizer_{position}"


def _subtree(tree: PyTree, names: Sequence[tuple[str, ...]]) -> PyTree:
    """Returns what lies under these names, a leaf or a nested dict each."""
    found = {}
    for name in names:
        node = tree
        for key in name:
            node = node[key]
        found[name] = node
    return traverse_util.unflatten_dict(found)
