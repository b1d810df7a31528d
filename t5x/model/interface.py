"""What the trainer, the evaluator and inference ask of a model, and the loss and scores of those that predict tokens.

Subclasses of `BaseModel` override `loss_fn`, `predict_batch_with_aux`, `score_batch`, `get_initial_variables` and
`FEATURE_CONVERTER_CLS`; everything else is built on these. Subclasses of `BaseTransformerModel` say how logits come
about. Source: T5X `models.BaseModel`, `models.BaseTransformerModel`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from t5x.losses import compute_weighted_cross_entropy, get_loss_normalizing_factor_and_weights
from t5x.metrics import MetricsMap
from t5x.model.token_metrics import token_metrics
from t5x.optim.optimizer_def import OptimizerDef
from t5x.projected_loss import LossSums

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


class BaseTransformerModel(BaseModel):
    """A model that predicts `decoder_target_tokens`: its loss and its scores, given logits.

    Override points for subclasses: `_compute_logits`, `loss_fn`, `predict_batch_with_aux`.
    """

    SEQIO_FEATURE_CONVERTER: ClassVar[str]  # the name of SeqIO's converter for such models

    def __init__(
        self,
        module: nn.Module,
        input_vocabulary: Any,
        output_vocabulary: Any,
        optimizer_def: OptimizerDef,
        decode_fn: DecodeFnCallable,
        feature_converter_cls: Any | None = None,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        loss_normalizing_factor: float | int | str | None = None,
    ):
        """Sets what the model is made of; see the subclasses."""
        super().__init__(optimizer_def)
        self.module = module
        self.input_vocabulary = input_vocabulary
        self.output_vocabulary = output_vocabulary
        self._decode_fn = decode_fn
        self._feature_converter_cls = feature_converter_cls
        self._label_smoothing = label_smoothing
        self._z_loss = z_loss
        self._loss_normalizing_factor = loss_normalizing_factor

    @property
    def FEATURE_CONVERTER_CLS(self) -> type:
        """`feature_converter_cls` if given, else SeqIO's; imported when asked for, so that training needs jax only."""
        if self._feature_converter_cls is not None:
            return self._feature_converter_cls
        import seqio

        return getattr(seqio, self.SEQIO_FEATURE_CONVERTER)

    @abc.abstractmethod
    def _compute_logits(
        self,
        params: PyTree,
        batch: Batch,
        dropout_rng: jax.Array | None = None,
        mutable: Any = False,
        other_variables: PyTree | None = None,
    ) -> Any:
        """Returns logits `[B, L, V]`, with the mutated collections where `mutable` names some."""

    @abc.abstractmethod
    def _loss_sums(
        self, params: PyTree, batch: Batch, weights: Float[Array, "batch length"], dropout_rng: jax.Array | None
    ) -> LossSums:
        """Returns the sums of the loss of `_compute_logits` by the network's own `loss_sums`."""

    def loss_fn(
        self, params: PyTree, batch: Batch, dropout_rng: jax.Array | None
    ) -> tuple[Float[Array, ""], MetricsMap]:
        """Returns the summed loss over the normalising factor, and metrics.

        The loss runs in chunks over tokens where the network offers that and `_compute_logits` is not overridden;
        the numbers are the same either way.
        """
        factor, weights = get_loss_normalizing_factor_and_weights(self._loss_normalizing_factor, batch)
        targets = batch["decoder_target_tokens"]
        if weights is None:
            weights = jnp.ones(targets.shape, jnp.float32)
        weights = weights.astype(jnp.float32)  # SeqIO's are integers
        weight_sum = jnp.sum(weights)
        if self._logits_are_overridden() or not hasattr(self.module, "loss_sums"):
            logits = self._compute_logits(params, batch, dropout_rng)
            loss_sum, z_loss_sum, _ = compute_weighted_cross_entropy(
                logits, targets, weights, self._label_smoothing, self._z_loss
            )
            correct = jnp.sum((jnp.argmax(logits, axis=-1) == targets) * weights)
        else:
            loss_sum, z_loss_sum, correct = self._loss_sums(params, batch, weights, dropout_rng)
        divisor = 1.0 if factor is None else factor
        metrics = token_metrics(
            loss_sum=loss_sum,
            z_loss_sum=z_loss_sum,
            divisor=divisor,
            correct=correct,
            weight_sum=weight_sum,
            batch=batch,
        )
        return loss_sum / divisor, metrics

    def _logits_are_overridden(self) -> bool:
        """Whether a subclass computes logits in a way that the class with `_loss_sums` does not know of."""
        owner = next(cls for cls in type(self).__mro__ if "_loss_sums" in vars(cls))
        return type(self)._compute_logits is not owner._compute_logits

    def score_batch(self, params: PyTree, batch: Batch) -> Float[Array, " batch"]:
        """Returns the sum of the targets' log-probabilities over weighted positions; no length norm, no z-loss."""
        weights = batch.get("decoder_loss_weights")
        targets = batch["decoder_target_tokens"]
        log_probabilities = jax.nn.log_softmax(self._compute_logits(params, batch), axis=-1)
        scores = jnp.take_along_axis(log_probabilities, targets[..., None], axis=-1)[..., 0]
        if weights is not None:
            scores = scores * weights
        return jnp.sum(scores, axis=-1)

    @property
    def _eos_id(self) -> int:
        """The id that ends decoding; 1, T5's, where the vocabulary has none."""
        return getattr(self.output_vocabulary, "eos_id", None) or 1


def get_input_vocabulary(model: BaseTransformerModel) -> Any:
    """Returns the vocabulary of the inputs."""
    return model.input_vocabulary


def get_output_vocabulary(model: BaseTransformerModel) -> Any:
    """Returns the vocabulary of the targets."""
    return model.output_vocabulary
