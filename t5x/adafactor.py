"""Adafactor: Adam-like steps whose second moments are kept as row and column means.

Source: Shazeer and Stern, arXiv:1804.04235; factoring rules, defaults, state layout and numbers as in T5X
`adafactor.py`. State per parameter: `{v_row, v_col, v, m}`; what is not used is a float32 zero of shape (1,).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jaxtyping import Array, Float

from t5x.errors import UserError
from t5x.optim.optimizer_def import OptimizerDef, OptimizerState, PyTree


class FactorDim(enum.Enum):
    """The part an axis of a parameter plays in factoring."""

    NONE = None
    BATCH = 1  # second moments are kept apart along it, as for stacked layers
    ROW = 2
    COLUMN = 3


# In a factor map: decide by the sizes of the axes.
HEURISTIC_RULE = "heuristic"

_FACTOR_NAMES = {
    "row": FactorDim.ROW,
    "col": FactorDim.COLUMN,
    "column": FactorDim.COLUMN,
    "batch": FactorDim.BATCH,
    "none": FactorDim.NONE,
    "unfactorized": FactorDim.NONE,
}


def factor_name_to_factordim(name: FactorDim | str | None) -> FactorDim:
    """Returns the member for a name such as 'row', 'col', 'batch', 'none'.

    Raises:
      UserError: another name.
    """
    if isinstance(name, FactorDim):
        return name
    if name is None:
        return FactorDim.NONE
    if name.lower() not in _FACTOR_NAMES:
        raise UserError(f"factor dimension {name!r} is not known; expected one of {', '.join(_FACTOR_NAMES)}.")
    return _FACTOR_NAMES[name.lower()]


def standard_logical_factor_rules() -> dict[str, FactorDim]:
    """Returns which logical axis is a row, a column or a batch axis, for T5-like models."""
    rules = dict.fromkeys(
        (
            "vocab",
            "mlp",
            "heads",
            "kv",
            "joined_kv",
            "q_wi_fused",
            "o_wo_fused",
            "multiquery_heads",
            "kv_fused",
            "mlp_activations",
        ),
        FactorDim.COLUMN,
    )
    rules["embed"] = FactorDim.ROW
    rules.update(dict.fromkeys(("layers", "stack"), FactorDim.BATCH))
    rules.update(dict.fromkeys(("relpos_buckets", "layer_norm_scale"), FactorDim.NONE))
    return rules


class HParamMap:
    """Values chosen by the first regular expression that is found in a parameter's name.

    Names are '/'-joined paths such as `encoder/layers_0/mlp/wi/kernel`.
    """

    def __init__(self, rules: Sequence[tuple[str, Any]]):
        self._rules = [(re.compile(pattern), value) for pattern, value in rules]

    def __getitem__(self, name: str) -> Any:
        for pattern, value in self._rules:
            if pattern.search(name):
                return value
        patterns = [pattern.pattern for pattern, _ in self._rules]
        raise UserError(f"no rule of the HParamMap matches parameter {name!r}; its patterns are {patterns}.")


class _Factored(NamedTuple):
    """Axes of a factored parameter. `v_row` lacks the column axis, `v_col` the row axis."""

    row: int
    column: int
    batch: tuple[int, ...]


class Adafactor(OptimizerDef):
    """Adafactor with T5X's parameters. Rates come from the trainer's schedule unless `learning_rate` is given."""

    def __init__(
        self,
        learning_rate: float | None = None,
        factored: bool = True,
        multiply_by_parameter_scale: bool | HParamMap = True,
        beta1: float | None = None,
        decay_rate: float = 0.8,
        step_offset: int = 0,
        clipping_threshold: float | None = 1.0,
        weight_decay_rate: float | None = None,
        min_dim_size_to_factor: int = 128,
        epsilon1: float = 1e-30,
        epsilon2: float = 1e-3,
        dtype_momentum: Any = jnp.float32,
        factor_map: HParamMap | None = None,
        logical_factor_rules: Mapping[str, Any] | None = None,
        weight_decay_rate_lr_exponent: float | None = None,
        global_norm_clip_threshold: float | None = None,
        max_parameter_scale: float | None = None,
        skip_nan_updates: bool = False,
    ):
        """Sets hyperparameters.

        Args:
          learning_rate: used when the caller gives none.
          factored: keep row and column means where a parameter is large enough.
          multiply_by_parameter_scale: scale the step by the parameter's root mean square; per name with a map.
          beta1: momentum of the step, if any.
          decay_rate: second moments decay by `1 - (t + 1) ** -decay_rate`.
          step_offset: subtracted from the step in that formula.
          clipping_threshold: the update's root mean square is cut to this.
          weight_decay_rate: each step multiplies parameters by `1 - weight_decay_rate` (not times the rate).
          min_dim_size_to_factor: both of the two largest axes must have this size.
          epsilon1: added to squared gradients.
          epsilon2: least parameter scale.
          dtype_momentum: of `m`.
          factor_map: factor dimensions by parameter name.
          logical_factor_rules: factor dimensions by logical axis; needed for parameters of more than two axes.
          weight_decay_rate_lr_exponent: decay is then `(weight_decay_rate or 1) * rate ** exponent`.
          global_norm_clip_threshold: gradients are scaled to this norm before anything else.
          max_parameter_scale: greatest parameter scale.
          skip_nan_updates: leave parameters and moments alone where the update is not finite.
        """
        self.default_learning_rate = learning_rate
        self.factored = factored
        self.multiply_by_parameter_scale = multiply_by_parameter_scale
        self.beta1 = beta1
        self.decay_rate = decay_rate
        self.step_offset = step_offset
        self.clipping_threshold = clipping_threshold
        self.weight_decay_rate = weight_decay_rate
        self.min_dim_size_to_factor = min_dim_size_to_factor
        self.epsilon1 = epsilon1
        self.epsilon2 = epsilon2
        self.dtype_momentum = dtype_momentum
        self.factor_map = factor_map
        self.logical_factor_rules = {
            axis: factor_name_to_factordim(dim) for axis, dim in (logical_factor_rules or {}).items()
        }
        self.weight_decay_rate_lr_exponent = weight_decay_rate_lr_exponent
        self.global_norm_clip_threshold = global_norm_clip_threshold
        self.max_parameter_scale = max_parameter_scale
        self.skip_nan_updates = skip_nan_updates
        self._axes: dict[str, tuple[str, ...]] = {}

    def set_param_axes(self, axes: PyTree) -> None:
        """Tells the logical axes of the parameters (a tree of tuples), which `logical_factor_rules` speak of."""
        self._axes = _flat(axes, is_leaf=lambda node: isinstance(node, tuple))

    def _factoring(self, name: str, shape: tuple[int, ...]) -> _Factored | None:
        """Returns how a parameter is factored, or None."""
        if not self.factored:
            return None
        dims: Any = None if self.factor_map is None else self.factor_map[name]
        if dims is None and self.logical_factor_rules and name in self._axes:
            dims = self._dims_from_axes(name)
        elif dims is not None and dims != HEURISTIC_RULE:
            dims = tuple(factor_name_to_factordim(dim) for dim in dims)
        if dims is None or dims == HEURISTIC_RULE or (len(shape) <= 2 and FactorDim.BATCH not in dims):
            return self._heuristic(name, shape)
        rows = [i for i, dim in enumerate(dims) if dim is FactorDim.ROW]
        columns = [i for i, dim in enumerate(dims) if dim is FactorDim.COLUMN]
        if not rows or not columns:
            return None
        if FactorDim.NONE in dims or len(rows) > 1:
            raise UserError(
                f"parameter {name!r} of shape {shape} has factor dimensions {[dim.name for dim in dims]}; a parameter "
                "with ROW and COLUMN axes can have BATCH axes besides, one ROW, and no NONE."
            )
        if len(columns) > 1:
            raise UserError(
                f"parameter {name!r} of shape {shape} has {len(columns)} COLUMN axes; only one is supported. "
                "Give it a rule in Adafactor.factor_map."
            )
        return _Factored(rows[0], columns[0], tuple(i for i, dim in enumerate(dims) if dim is FactorDim.BATCH))

    def _dims_from_axes(self, name: str) -> tuple[FactorDim, ...]:
        missing = [axis for axis in self._axes[name] if axis not in self.logical_factor_rules]
        if missing:
            raise UserError(
                f"parameter {name!r} has logical axes {self._axes[name]}, and Adafactor.logical_factor_rules has no "
                f"rule for {missing}; add one, 'none' if the axis is not to be factored."
            )
        dims = tuple(self.logical_factor_rules[axis] for axis in self._axes[name])
        if FactorDim.ROW in dims and FactorDim.COLUMN in dims:
            return dims
        return tuple(dim if dim is FactorDim.BATCH else FactorDim.NONE for dim in dims)

    def _heuristic(self, name: str, shape: tuple[int, ...]) -> _Factored | None:
        if len(shape) > 2:
            raise UserError(
                f"parameter {name!r} has {len(shape)} axes, {shape}; Adafactor factors more than two only by an "
                "explicit rule. Set Adafactor.logical_factor_rules=@adafactor.standard_logical_factor_rules()."
            )
        if len(shape) < 2:
            return None
        by_size = np.argsort(shape, kind="stable")  # of equal axes the first counts as the smaller one
        if shape[by_size[0]] < self.min_dim_size_to_factor:
            return None
        return _Factored(int(by_size[0]), int(by_size[1]), ())

    def init_state(self, params: PyTree) -> OptimizerState:
        def leaf_state(name: str, param) -> dict[str, jax.Array]:
            factoring = self._factoring(name, param.shape)
            shapes = _state_shapes(param.shape, factoring, self.beta1 is not None)
            dtypes = {"m": self.dtype_momentum}
            return {
                key: jnp.zeros(shape, dtypes.get(key, jnp.float32) if shape != (1,) else jnp.float32)
                for key, shape in shapes.items()
            }

        flat = {name: leaf_state(name, param) for name, param in _flat(params).items()}
        return OptimizerState(jnp.zeros((), jnp.int32), _unflat(flat))

    def param_state_axes(self, params: PyTree, axes: PyTree) -> PyTree:
        self.set_param_axes(axes)
        flat = {}
        for name, param in _flat(params).items():
            names = self._axes[name]
            factoring = self._factoring(name, param.shape)
            v_row = _without(names, factoring.column) if factoring else (None,)
            v_col = _without(names, factoring.row) if factoring else (None,)
            v = (None,) if factoring else names
            flat[name] = {"v_row": v_row, "v_col": v_col, "v": v, "m": names if self.beta1 is not None else (None,)}
        return _unflat(flat)

    def apply_gradient(
        self, params: PyTree, state: OptimizerState, grads: PyTree, learning_rate: Float[Array, ""] | None = None
    ) -> tuple[PyTree, OptimizerState]:
        """Returns parameters and state after one step.

        Raises:
          UserError: neither the caller nor the constructor gave a learning rate.
        """
        if learning_rate is None:
            learning_rate = self.default_learning_rate
        if learning_rate is None:
            raise UserError("Adafactor has no learning rate: give one to the constructor or to apply_gradient.")
        grads = jax.tree.map(lambda g: g.astype(jnp.float32), grads)
        if self.global_norm_clip_threshold is not None:
            norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(grads)))
            # The tiny number only matters where all gradients are 0.
            clip = jnp.minimum(1.0, self.global_norm_clip_threshold / jnp.maximum(norm, 1e-30))
            grads = jax.tree.map(lambda g: g * clip, grads)

        t = jnp.asarray(state.step - self.step_offset, jnp.float32) + 1.0
        decay = 1.0 - t**-self.decay_rate
        flat_grads, flat_states = _flat(grads), _flat_states(state.param_states)
        new_params, new_states = {}, {}
        for name, param in _flat(params).items():
            new_params[name], new_states[name] = self._update(
                name, param, flat_grads[name], flat_states[name], decay, learning_rate
            )
        return _unflat(new_params), OptimizerState(state.step + 1, _unflat(new_states))

    def _update(self, name, param, grad, state, decay, learning_rate):
        factoring = self._factoring(name, param.shape)
        batch = factoring.batch if factoring else ()
        update, new_state = _precondition(grad, state, factoring, decay, self.epsilon1)
        if self.clipping_threshold is not None:
            update = update / jnp.maximum(1.0, _rms(update, batch) / self.clipping_threshold)
        rate = learning_rate
        scaled = self.multiply_by_parameter_scale
        if scaled[name] if isinstance(scaled, HParamMap) else scaled:
            rate = rate * jnp.clip(_rms(param.astype(jnp.float32), batch), self.epsilon2, self.max_parameter_scale)
        update = rate * update
        if self.beta1 is not None:
            update = self.beta1 * state["m"].astype(jnp.float32) + (1.0 - self.beta1) * update
            new_state["m"] = update.astype(self.dtype_momentum)
        decayed = param.astype(jnp.float32)
        weight_decay = self.weight_decay_rate
        if self.weight_decay_rate_lr_exponent is not None:
            factor = 1.0 if weight_decay is None else weight_decay
            weight_decay = factor * learning_rate**self.weight_decay_rate_lr_exponent
        if weight_decay is not None:
            decayed = decayed * (1.0 - weight_decay)
        new_param = (decayed - update).astype(param.dtype)
        if self.skip_nan_updates:
            finite = jnp.all(jnp.isfinite(update))
            new_param = jnp.where(finite, new_param, param)
            new_state = {key: jnp.where(finite, value, state[key]) for key, value in new_state.items()}
        return new_param, new_state


def _precondition(grad, state, factoring, decay, epsilon1):
    """Returns the gradient divided by the root of its second moments, and the new moments."""
    square = jnp.square(grad) + epsilon1
    new_state = dict(state)
    if factoring is None:
        new_state["v"] = decay * state["v"] + (1.0 - decay) * square
        return grad * jax.lax.rsqrt(new_state["v"]), new_state
    row, column, _ = factoring
    new_state["v_row"] = decay * state["v_row"] + (1.0 - decay) * _mean(square, column)
    new_state["v_col"] = decay * state["v_col"] + (1.0 - decay) * _mean(square, row)
    v_row = jnp.expand_dims(new_state["v_row"], column)
    row_factor = jax.lax.rsqrt(v_row / jnp.mean(v_row, axis=row, keepdims=True))
    column_factor = jnp.expand_dims(jax.lax.rsqrt(new_state["v_col"]), row)
    return grad * row_factor * column_factor, new_state


def _mean(x: jax.Array, axis: int) -> jax.Array:
    """Mean over one axis, as a product: XLA on CPU takes five times as long over a sum along any axis but the last."""
    ones = jnp.ones((x.shape[axis],), x.dtype)
    return jnp.tensordot(ones, x, axes=(0, axis), precision=jax.lax.Precision.HIGHEST) / x.shape[axis]


def _rms(x: jax.Array, batch_axes: tuple[int, ...]) -> jax.Array:
    """Root mean square over all but the batch axes, which are kept with size 1."""
    axes = tuple(i for i in range(x.ndim) if i not in batch_axes)
    return jnp.sqrt(jnp.mean(jnp.square(x), axis=axes, keepdims=bool(batch_axes)))


def _state_shapes(shape, factoring, momentum):
    filler = (1,)
    return {
        "v_row": _without(shape, factoring.column) if factoring else filler,
        "v_col": _without(shape, factoring.row) if factoring else filler,
        "v": filler if factoring else tuple(shape),
        "m": tuple(shape) if momentum else filler,
    }


def _without(items: tuple, index: int) -> tuple:
    return tuple(item for i, item in enumerate(items) if i != index)


def _flat(tree: PyTree, is_leaf=None) -> dict[str, Any]:
    return traverse_util.flatten_dict(tree, sep="/", is_leaf=None if is_leaf is None else lambda _, node: is_leaf(node))


def _flat_states(tree: PyTree) -> dict[str, dict[str, Any]]:
    return traverse_util.flatten_dict(tree, sep="/", is_leaf=lambda _, node: "v_row" in node)


def _unflat(flat: dict[str, Any]) -> PyTree:
    return traverse_util.unflatten_dict(flat, sep="/")
