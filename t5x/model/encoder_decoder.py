"""The encoder-decoder model: loss, prediction and scores around a network such as `examples.t5.network.Transformer`.

Enters: batches with `encoder_input_tokens`, `decoder_input_tokens`, `decoder_target_tokens`, `decoder_loss_weights`
(each `[B, L]`), and `{encoder,decoder}_segment_ids`, `_positions` when packed.
Source: T5X `models.EncoderDecoderModel`.

Override points for subclasses: `_compute_logits`, `loss_fn`, `predict_batch_with_aux`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from t5x.decode.beam_search import beam_search
from t5x.decode.state import DecodingState, flat_batch_beam_expand
from t5x.errors import UserError
from t5x.model.interface import BaseTransformerModel, Batch, DecodeFnCallable, PyTree
from t5x.optim.optimizer_def import OptimizerDef


@dataclasses.dataclass(frozen=True)
class DecoderParams:
    """How many sequences decoding makes, and whether all of them are returned."""

    return_all_decodes: bool = False
    num_decodes: int = 1


class EncoderDecoderModel(BaseTransformerModel):
    """T5's model. See T5X for the parameters; all of them are bound from gin."""

    SEQIO_FEATURE_CONVERTER = "EncDecFeatureConverter"

    def __init__(
        self,
        module: nn.Module,
        input_vocabulary: Any,
        output_vocabulary: Any,
        optimizer_def: OptimizerDef,
        decode_fn: DecodeFnCallable = beam_search,
        feature_converter_cls: Any | None = None,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        loss_normalizing_factor: float | int | str | None = None,
        default_decoder_params: DecoderParams | None = None,
    ):
        """Sets what the model is made of.

        Args:
          module: the network.
          input_vocabulary: of the encoder, a SeqIO vocabulary.
          output_vocabulary: of the decoder; its `eos_id` ends decoding.
          optimizer_def: the optimizer.
          decode_fn: `beam_search` or `temperature_sample`.
          feature_converter_cls: instead of `seqio.EncDecFeatureConverter`.
          label_smoothing: share of probability given to the other ids.
          z_loss: factor of `log(Z)**2`.
          loss_normalizing_factor: what the summed loss is divided by: a number, None, or the name of a
            `SpecialLossNormalizingFactor`.
          default_decoder_params: used where a call gives none.
        """
        super().__init__(
            module,
            input_vocabulary,
            output_vocabulary,
            optimizer_def,
            decode_fn,
            feature_converter_cls,
            label_smoothing,
            z_loss,
            loss_normalizing_factor,
        )
        self._default_decoder_params = default_decoder_params or DecoderParams()

    def get_initial_variables(
        self, rng: jax.Array, input_shapes: Mapping[str, tuple[int, ...]], input_types: Mapping[str, Any] | None = None
    ) -> PyTree:
        input_types = input_types or {}
        arguments = {
            name: jnp.ones(input_shapes[name], input_types.get(name, jnp.int32))
            for name in ("encoder_input_tokens", "decoder_input_tokens", "decoder_target_tokens")
        }
        return self.module.init(rng, **arguments, enable_dropout=False)

    def _loss_sums(self, params, batch, weights, dropout_rng):
        return self.module.apply(
            {"params": params},
            batch["encoder_input_tokens"],
            batch["decoder_input_tokens"],
            batch["decoder_target_tokens"],
            weights,
            encoder_segment_ids=batch.get("encoder_segment_ids"),
            decoder_segment_ids=batch.get("decoder_segment_ids"),
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
            batch["encoder_input_tokens"],
            batch["decoder_input_tokens"],
            batch["decoder_target_tokens"],
            encoder_segment_ids=batch.get("encoder_segment_ids"),
            decoder_segment_ids=batch.get("decoder_segment_ids"),
            encoder_positions=batch.get("encoder_positions"),
            decoder_positions=batch.get("decoder_positions"),
            decode=False,
            enable_dropout=dropout_rng is not None,
            rngs=None if dropout_rng is None else {"dropout": dropout_rng},
            mutable=mutable,
        )

    def predict_batch_with_aux(
        self,
        params: PyTree,
        batch: Batch,
        rng: jax.Array | None = None,
        decoder_params: Mapping[str, Any] | None = None,
        return_all_decodes: bool | None = None,
        num_decodes: int | None = None,
        prompt_with_targets: bool = False,
    ) -> tuple[jax.Array, Mapping[str, jax.Array]]:
        """Decodes a batch.

        Args:
          params: parameters.
          batch: unpacked; `decoder_input_tokens` give the length to decode.
          rng: for sampling.
          decoder_params: further arguments of the decode function, e.g. `temperature`.
          return_all_decodes: all sequences, best last, instead of the best.
          num_decodes: sequences per example.
          prompt_with_targets: start every sequence with the batch's targets.

        Returns:
          Ids `[B, L]`, or `[B, num_decodes, L]`; and `{'scores': [B]}` or `[B, num_decodes]`.

        Raises:
          UserError: a packed batch.
        """
        if "encoder_segment_ids" in batch:
            raise UserError(
                "decoding got a packed batch; set pack=False in the DatasetConfig that evaluates by decoding."
            )
        defaults = self._default_decoder_params
        num_decodes = defaults.num_decodes if num_decodes is None else num_decodes
        return_all = defaults.return_all_decodes if return_all_decodes is None else return_all_decodes
        inputs = batch["encoder_input_tokens"]
        length = batch["decoder_input_tokens"].shape[1]
        encoded = self.module.apply({"params": params}, inputs, enable_dropout=False, method="encode")
        cache = self._initial_cache(params, encoded, inputs, num_decodes, length)
        expanded = flat_batch_beam_expand(encoded, num_decodes), flat_batch_beam_expand(inputs, num_decodes)

        def tokens_to_logits(state: DecodingState) -> tuple[jax.Array, PyTree]:
            return self._next_logits(params, state, *expanded, length)

        prompt = batch["decoder_input_tokens"] if prompt_with_targets else jnp.zeros_like(batch["decoder_input_tokens"])
        arguments = dict(decoder_params or {})
        if rng is not None:
            arguments["decode_rng"] = rng
        sequences, scores = self._decode_fn(
            inputs=prompt,
            cache=cache,
            tokens_to_logits=tokens_to_logits,
            eos_id=self._eos_id,
            num_decodes=num_decodes,
            **arguments,
        )
        if return_all:
            return sequences, {"scores": scores}
        return sequences[:, -1], {"scores": scores[:, -1]}

    def _next_logits(self, params, state, encoded, encoder_inputs, max_decode_length):
        """Returns the logits `[B * beams, V]` after the current tokens, and the cache that now holds them."""
        logits, mutated = self.module.apply(
            {"params": params, "cache": state.cache},
            encoded,
            encoder_inputs,
            state.cur_token,
            state.cur_token,
            enable_dropout=False,
            decode=True,
            max_decode_length=max_decode_length,
            mutable=["cache"],
            method="decode",
        )
        return logits[:, 0], mutated["cache"]

    def _initial_cache(self, params, encoded, inputs, num_decodes, length):
        """Returns the empty cache of a decode of `length` positions, without computing anything."""
        batch = inputs.shape[0] * num_decodes

        def first_step(encoded, inputs, token):
            return self.module.apply(
                {"params": params},
                encoded,
                inputs,
                token,
                token,
                enable_dropout=False,
                decode=True,
                max_decode_length=length,
                mutable=["cache"],
                method="decode",
            )[1]["cache"]

        shapes = jax.eval_shape(
            first_step,
            jax.ShapeDtypeStruct((batch, *encoded.shape[1:]), encoded.dtype),
            jax.ShapeDtypeStruct((batch, *inputs.shape[1:]), inputs.dtype),
            jax.ShapeDtypeStruct((batch, 1), jnp.int32),
        )
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
