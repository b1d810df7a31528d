"""Makes the train state that a run starts with: drawn afresh, or read from a checkpoint, straight into its shardings.

Source: T5X `utils.TrainStateInitializer`. Effects: reads checkpoints.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from t5x.ckpt.restore import restore
from t5x.model.interface import BaseModel
from t5x.shard.partitioner import PjitPartitioner
from t5x.train_state import FlaxOptimTrainState

PyTree = Any


class TrainStateInitializer:
    """Knows a train state's shapes, logical axes and shardings before any of it exists."""

    def __init__(
        self,
        model: BaseModel,
        input_shapes: Mapping[str, tuple[int, ...]],
        partitioner: PjitPartitioner,
        input_types: Mapping[str, Any] | None = None,
    ):
        """Traces the model's initialisation; nothing is computed.

        Args:
          model: gives initial variables and the optimizer.
          input_shapes: of a global batch's features.
          partitioner: says where arrays lie.
          input_types: of the features, int32 where not given.
        """
        self._model = model
        self._input_shapes = dict(input_shapes)
        self._input_types = input_types
        self._partitioner = partitioner
        boxed = jax.eval_shape(self._variables, jax.random.key(0))
        params, axes = model.params_shapes_and_axes(boxed)
        optimizer = model.optimizer_def
        self.param_axes = axes
        state_axes = optimizer.param_state_axes(params, axes)
        self.global_train_state_shape = jax.eval_shape(lambda p: FlaxOptimTrainState.create(optimizer, p), params)
        self.train_state_axes = FlaxOptimTrainState((), axes, state_axes, optimizer)
        self.shardings = partitioner.shardings(self.train_state_axes, self.global_train_state_shape)

    def _variables(self, rng: jax.Array) -> PyTree:
        return self._model.get_initial_variables(rng, self._input_shapes, self._input_types)

    def _create(self, rng: jax.Array) -> FlaxOptimTrainState:
        params, _ = self._model.params_shapes_and_axes(self._variables(rng))
        return FlaxOptimTrainState.create(self._model.optimizer_def, params)

    def from_scratch(self, rng: jax.Array) -> FlaxOptimTrainState:
        """Returns a freshly drawn state."""
        return self._partitioner.partition(self._create, None, self.shardings)(rng)

    def from_checkpoint(self, path: str, *, rng: jax.Array, **restore_options: Any) -> FlaxOptimTrainState:
        """Returns the state of a checkpoint.

        Args:
          path: a complete checkpoint.
          rng: for what the checkpoint may lack (`fallback_to_scratch`).
          **restore_options: `dtype`, `assignment_map`, `fallback_to_scratch` of `ckpt.restore.restore`.

        Raises:
          UserError: the checkpoint is missing, damaged, or of another model.
        """
        tree = self._restored(
            path, self.global_train_state_shape.state_dict(), self.shardings.state_dict(), rng, **restore_options
        )
        state = self.global_train_state_shape.restore_state(tree)
        return dataclasses.replace(state, step=jnp.asarray(state.step, jnp.int32))

    def params_from_checkpoint(self, path: str, *, rng: jax.Array, **restore_options: Any) -> PyTree:
        """Returns the parameters of a checkpoint; its optimizer state is not read. Arguments as `from_checkpoint`."""
        shapes = {"target": self.global_train_state_shape.params}
        return self._restored(path, shapes, {"target": self.shardings.params}, rng, **restore_options)["target"]

    def _restored(self, path, shapes, shardings, rng, **restore_options):
        template = jax.tree.map(
            lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where), shapes, shardings
        )
        tree = restore(path, template, **restore_options)
        if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(tree)):
            drawn = self.from_scratch(rng).state_dict()
            drawn = {name: drawn[name] for name in tree}
            tree = jax.tree.map(lambda a, b: b if isinstance(a, jax.ShapeDtypeStruct) else a, tree, drawn)
        return tree
