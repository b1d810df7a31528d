"""The state of an optax optimizer as the nested dict that lies in a checkpoint, and back.

Positions in a chain become keys ('0', '1', ...), fields keep their names, and parts without arrays are left out: the
state of `adamw` is `{'0': {'count', 'mu': {...}, 'nu': {...}}}`. Source: names as in T5X's checkpoints.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

from t5x.errors import UserError

PyTree = Any
Name = tuple[str, ...]


def to_dict(state: PyTree) -> dict[str, Any]:
    """Returns an optax state as a nested dict of arrays; random keys as the integers they consist of."""
    leaves, _ = jax.tree.flatten_with_path(state)
    return traverse_util.unflatten_dict({_name(path): _storable(leaf) for path, leaf in leaves})


def from_dict(tree: PyTree, template: PyTree) -> PyTree:
    """Returns the optax state with the arrays of `tree`; the inverse of `to_dict`.

    Args:
      tree: nested dict.
      template: a state of the same optimizer for the same parameters; arrays or their shapes.

    Raises:
      UserError: `tree` is the state of another optimizer.
    """
    found = traverse_util.flatten_dict(tree)
    leaves, treedef = jax.tree.flatten_with_path(template)
    names = [_name(path) for path, _ in leaves]
    if set(names) != set(found):
        missing, unexpected = sorted(set(names) - set(found)), sorted(set(found) - set(names))
        raise UserError(
            f"the optimizer's state is not that of this optimizer: it lacks {_listing(missing)} and has "
            f"{_listing(unexpected)} that is not known here. Use the optimizer that made this state, or start it anew."
        )
    return treedef.unflatten(_like(found[name], leaf) for name, (_, leaf) in zip(names, leaves, strict=True))


class OptaxStatePartitionRules:
    """How the arrays of an optax state lie on a mesh. Stateless; T5X's name for a namespace."""

    @staticmethod
    def derive_optax_logical_axes(optax_state: PyTree, params: PyTree, params_axes: PyTree) -> dict[str, Any]:
        """Returns the logical axes of an optax state, as a nested dict of tuples.

        An array that an optimizer keeps for each parameter, such as a momentum, is known by the parameter's name at
        the end of its own and by the parameter's shape; it has the parameter's axes. All others have no axis names.

        Args:
          optax_state: arrays or their shapes.
          params: parameters or their shapes, nested dicts.
          params_axes: tuples of axis names for these parameters, and perhaps for others too.
        """
        shapes = {name: tuple(param.shape) for name, param in traverse_util.flatten_dict(params).items()}
        axes = traverse_util.flatten_dict(params_axes)

        def of(name: Name, leaf) -> tuple[str | None, ...]:
            for start in range(len(name)):
                if shapes.get(name[start:]) == tuple(leaf.shape):
                    return axes[name[start:]]
            return (None,) * leaf.ndim

        flat = traverse_util.flatten_dict(to_dict(optax_state))
        return traverse_util.unflatten_dict({name: of(name, leaf) for name, leaf in flat.items()})


def abstract_state(transformation: optax.GradientTransformation, params: PyTree) -> PyTree:
    """Returns the shapes of a fresh state."""
    return jax.eval_shape(transformation.init, params)


def _name(path: tuple[Any, ...]) -> Name:
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def _is_random_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _storable(leaf: Any) -> Any:
    if not _is_random_key(leaf):
        return leaf
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jax.eval_shape(jax.random.key_data, leaf)
    return jax.random.key_data(leaf)


def _like(array: Any, leaf: Any) -> Any:
    return jax.random.wrap_key_data(array) if _is_random_key(leaf) else array


def _listing(names: list[Name]) -> str:
    if not names:
        return "nothing"
    shown = ", ".join("/".join(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
