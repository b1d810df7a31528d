"""The decoder-only model: a language model, or a prefix language model, around a network such as
`examples.decoder_only.network.DecoderWrapper`.

Enters: batches with `decoder_input_tokens`, `decoder_target_tokens`, `decoder_loss_weights` (each `[B, L]`), where the
task has inputs `decoder_causal_attention`, and `decoder_segment_ids`, `decoder_positions` when packed. Inputs and
targets lie one after the other in a row; `decoder_causal_attention` is 1 on the inputs as the network reads them: the
start token and all input tokens. Loss weights are 0 on the inputs (SeqIO's `loss_on_targets_only`).
Source: T5X `models.DecoderOnlyModel`.

Override points for subclasses: `_compute_logits`, `loss_fn`, `predict_batch_with_aux`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from t5x.decode.sampling import temperature_sample
from t5x.decode.state import NEG_INF, DecodingState, flat_batch_beam_expand
from t5x.errors import UserError
from t5x.model.interface import BaseTransformerModel, Batch, DecodeFnCallable, PyTree
from t5x.optim.optimizer_def import OptimizerDef
from t5x.projected_loss import LossSums

PREFIX = "decoder_causal_attention"


class DecoderOnlyModel(BaseTransformerModel):
    """A decoder that reads inputs and targets as one sequence. All parameters are bound from gin."""

    SEQIO_FEATURE_CONVERTER = "DecoderFeatureConverter"

    def __init__(
        self,
        module: nn.Module,
        vocabulary: Any,
        optimizer_def: OptimizerDef,
        decode_fn: DecodeFnCallable = temperature_sample,
        inputs_bidirectional_attention: bool = False,
        feature_converter_cls: Any | None = None,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        loss_normalizing_factor: float | int | str | None = None,
    ):
        """Sets what the model is made of.

        Args:
          module: the network.
          vocabulary: of inputs and targets, a SeqIO vocabulary; its `eos_id` ends decoding.
          optimizer_def: the optimizer.
          decode_fn: `temperature_sample` or `beam_search`.
          inputs_bidirectional_attention: inputs see each other in both directions (prefix LM); else all is causal.
          feature_converter_cls: instead of `seqio.DecoderFeatureConverter`, which takes tasks with inputs and targets
            and tasks with targets only.
          label_smoothing: share of probability given to the other ids.
          z_loss: factor of `log(Z)**2`.
          loss_normalizing_factor: what the summed loss is divided by: a number, None, or the name of a
            `SpecialLossNormalizingFactor`.
        """
        super().__init__(
            module,
            vocabulary,
            vocabulary,
            optimizer_def,
            decode_fn,
            feature_converter_cls,
            label_smoothing,
            z_loss,
            loss_normalizing_factor,
        )
        self._inputs_bidirectional_attention = inputs_bidirectional_attention

    def get_initial_variables(
        self, rng: jax.Array, input_shapes: Mapping[str, tuple[int, ...]], input_types: Mapping[str, Any] | None = None
    ) -> PyTree:
        input_types = input_types or {}
        arguments = {
            name: jnp.ones(input_shapes[name], input_types.get(name, jnp.int32))
            for name in ("decoder_input_tokens", "decoder_target_tokens")
        }
        return self.module.init(rng, **arguments, enable_dropout=False)

    def _bidirectional(self, batch: Batch) -> Int[Array, "batch length"] | None:
        """Returns which positions see each other in both directions; None where all is causal."""
        if not self._inputs_bidirectional_attention:
            return None
        if PREFIX not in batch:
            raise UserError(
                f"inputs_bidirectional_attention is set, but the batch has no feature {PREFIX!r}: give "
                "task_feature_lengths both 'inputs' and 'targets', or set "
                "models.DecoderOnlyModel.inputs_bidirectional_attention=False for a task that has targets only."
            )
        return batch[PREFIX]

    def _loss_sums(
        self, params: PyTree, batch: Batch, weights: Float[Array, "batch length"], dropout_rng: jax.Array | None
    ) -> LossSums:
        return self.module.apply(
            {"params": params},
            batch["decoder_input_tokens"],
            batch["decoder_target_tokens"],
            weights,
            decoder_segment_ids=batch.get("decoder_segment_ids"),
            decoder_causal_attention=self._bidirectional(batch),
            label_smoothing=self._label_smoothing,
            z_loss=self._z_loss,
            enable_dropout=dropout_rng is not None,
            rngs=None if dropout_rng is None else {"dropout": dropout_rng},
            method="loss_sums",
        )

    def _compute_logits(
        self,
        params: PyTree,
        batch: Batch,
        dropout_rng: jax.Array | None = None,
        mutable: Any = False,
        other_variables: PyTree | None = None,
    ) -> Any:
        """Returns logits `[B, L, V]`, with the mutated collections where `mutable` names some."""
        return self.module.apply(
            {"params": params, **(other_variables or {})},
            batch["decoder_input_tokens"],
            batch["decoder_target_tokens"],
            decoder_segment_ids=batch.get("decoder_segment_ids"),
            decoder_positions=batch.get("decoder_positions"),
            decoder_causal_attention=self._bidirectional(batch),
            enable_dropout=dropout_rng is not None,
            rngs=None if dropout_rng is None else {"dropout": dropout_rng},
            decode=False,
            mutable=mutable,
        )

    def predict_batch_with_aux(
        self,
        params: PyTree,
        batch: Batch,
        rng: jax.Array | None = None,
        *,
        return_all_decodes: bool = False,
        num_decodes: int = 1,
        decoder_params: Mapping[str, Any] | None = None,
    ) -> tuple[jax.Array, Mapping[str, jax.Array]]:
        """Continues the inputs of a batch; targets in it are not looked at.

        The inputs are read in one pass that fills the cache; the decode function then starts from the last of them and
        sees the new tokens only. (T5X's sees the inputs too: its beam search counts them as length of a sequence.)

        Args:
          params: parameters.
          batch: unpacked, with inputs. Inputs and new tokens together are at most `L`.
          rng: for sampling.
          return_all_decodes: all sequences, best last, instead of the best.
          num_decodes: sequences per example.
          decoder_params: further arguments of the decode function, e.g. `temperature`.

        Returns:
          Ids `[B, L]`, or `[B, num_decodes, L]`, without the inputs, from the first position on; and `{'scores': [B]}`
          or `[B, num_decodes]`.

        Raises:
          UserError: a packed batch, or one of a task without inputs.
        """
        if "decoder_segment_ids" in batch:
            raise UserError(
                "decoding got a packed batch; set pack=False in the DatasetConfig that evaluates by decoding."
            )
        if PREFIX not in batch:
            raise UserError(
                f"decoding needs inputs to continue, but the batch has no feature {PREFIX!r}: decode with a task that "
                "has 'inputs' and 'targets', and give both in task_feature_lengths."
            )
        prefix = (batch[PREFIX] > 0).astype(jnp.int32)
        tokens = batch["decoder_input_tokens"] * prefix
        length = tokens.shape[1]
        last = jnp.maximum(jnp.sum(prefix, axis=1) - 1, 0)  # position of the last input token; [B]
        cache = self._compute_kv_cache(params, tokens, prefix, last)
        cache = jax.tree.map(lambda leaf: flat_batch_beam_expand(leaf, num_decodes), cache)
        room = flat_batch_beam_expand(length - last, num_decodes)

        def tokens_to_logits(state: DecodingState) -> tuple[jax.Array, PyTree]:
            logits, cache = self._compute_logits_from_slice(params, state, length)
            return jnp.where((state.cur_index < room)[:, None], logits, _only_padding(logits.shape[-1])), cache

        start = jnp.zeros_like(tokens).at[:, 0].set(jnp.take_along_axis(tokens, last[:, None], axis=1)[:, 0])
        arguments = dict(decoder_params or {})
        if rng is not None:
            arguments["decode_rng"] = rng
        sequences, scores = self._decode_fn(
            inputs=start,
            cache=cache,
            tokens_to_logits=tokens_to_logits,
            eos_id=self._eos_id,
            num_decodes=num_decodes,
            **arguments,
        )
        if return_all_decodes:
            return sequences, {"scores": scores}
        return sequences[:, -1], {"scores": scores[:, -1]}

    def _compute_kv_cache(self, params, tokens, prefix, last):
        """Returns the cache after the inputs `[B, L]`, except for their last token, which the first step reads."""
        _, mutated = self.module.apply(
            {"params": params},
            tokens,
            prefix,  # in the place of targets: the start token, id 0, is real
            decoder_causal_attention=prefix if self._inputs_bidirectional_attention else None,
            enable_dropout=False,
            prefill=True,
            prefill_lengths=last,
            mutable=["cache"],
        )
        return mutated["cache"]

    def _compute_logits_from_slice(self, params, state, max_decode_length):
        """Returns the logits `[B * decodes, V]` after the current tokens, and the cache that now holds them."""
        logits, mutated = self.module.apply(
            {"params": params, "cache": state.cache},
            state.cur_token,
            jnp.ones_like(state.cur_token),
            enable_dropout=False,
            decode=True,
            max_decode_length=max_decode_length,
            mutable=["cache"],
        )
        return logits[:, 0], mutated["cache"]


def _only_padding(vocab_size: int) -> Float[Array, " vocab"]:
    """Returns logits of which padding is certain: a sequence that has filled its row goes on at no cost."""
    return jnp.where(jnp.arange(vocab_size) == 0, 0.0, NEG_INF)


def remove_prefix(
    sequences: Int[Array, "batch length"], prefix_lengths: Int[Array, " batch"]
) -> Int[Array, "batch length"]:
    """Returns the sequences without their first `prefix_lengths` ids, shifted to the left and padded with 0."""
    places = jnp.arange(sequences.shape[1]) + prefix_lengths[:, None]
    return jnp.take_along_axis(sequences, places, axis=1, mode="fill", fill_value=0)
