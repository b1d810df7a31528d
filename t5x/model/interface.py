"""What the trainer, the evaluator and inference ask of a model.

Subclasses override `loss_fn`, `predict_batch_with_aux`, `score_batch`, `get_initial_variables` and
`FEATURE_CONVERTER_CLS`; everything else is built on these. Source: T5X `models.BaseModel`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
from jaxtyping import Array, Float

from t5x.metrics import MetricsMap
from t5x.optim.optimizer_def import OptimizerDef

PyTree = Any
Batch = Mapping[str, jax.Array]
# (inputs, cache, tokens_to_logits, eos_id, num_decodes, ...) -> (sequences [B, N, L], scores [B, N])
DecodeFnCallable = Callable[..., tuple[jax.Array, jax.Array]]


class BaseModel(abc.ABC):
    """A model: pure functions of parameters and a batch."""

    def __init__(self, optimizer_def: OptimizerDef):
        self.optimizer_def = optimizer_def

    @property
    @abc.abstractmethod
    def FEATURE_CONVERTER_CLS(self) -> type:
        """The SeqIO feature converter that makes this model's batches."""

    @abc.abstractmethod
    def get_initial_variables(
        self, rng: jax.Array, input_shapes: Mapping[str, tuple[int, ...]], input_types: Mapping[str, Any] | None = None
    ) -> PyTree:
        """Returns freshly drawn flax variables, parameters boxed with their logical axes."""

    @abc.abstractmethod
    def loss_fn(
        self, params: PyTree, batch: Batch, dropout_rng: jax.Array | None
    ) -> tuple[Float[Array, ""], MetricsMap]:
        """Returns the loss to minimise and metrics; without `dropout_rng` nothing is dropped."""

    @abc.abstractmethod
    def predict_batch_with_aux(
        self, params: PyTree, batch: Batch, rng: jax.Array | None = None
    ) -> tuple[jax.Array, Mapping[str, jax.Array]]:
        """Returns decoded ids `[B, L]` and auxiliary values such as `scores`."""

    @abc.abstractmethod
    def score_batch(self, params: PyTree, batch: Batch) -> Float[Array, " batch"]:
        """Returns the log-probability of each example's targets."""

    def eval_fn(self, params: PyTree, batch: Batch) -> tuple[Float[Array, ""], MetricsMap]:
        """Returns loss and metrics without dropout."""
        return self.loss_fn(params, batch, None)

    def predict_batch(self, params: PyTree, batch: Batch, rng: jax.Array | None = None) -> jax.Array:
        """Returns decoded ids `[B, L]`."""
        return self.predict_batch_with_aux(params, batch, rng)[0]

    def params_shapes_and_axes(self, variables: PyTree) -> tuple[PyTree, PyTree]:
        """Returns, for (abstract) variables, the plain parameters and a tree of their logical axes (tuples)."""
        boxed = variables["params"]

        def is_box(x):
            return isinstance(x, nn.meta.AxisMetadata)

        axes = jax.tree.map(lambda p: tuple(p.names) if is_box(p) else (None,) * len(p.shape), boxed, is_leaf=is_box)
        return nn.meta.unbox(boxed), axes
