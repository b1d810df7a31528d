"""The decoder-only network: T5's decoder without an encoder to attend to.

Enters: token ids `[B, L]`, 0 is padding; segment ids for packed batches; where inputs are to be seen in both
directions, `decoder_causal_attention`, which is 1 on them. Leaves: float32 logits `[B, L, V]`.
Source: T5 paper (arXiv:1910.10683) sections 2.1 and 3.2.1 (language model and prefix LM); parameter names as in T5X
`examples/decoder_only/network.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from t5x.model.layers import masks
from t5x.model.layers.attention import MultiHeadAttention
from t5x.model.layers.dense import Dense
from t5x.model.layers.dropout import feature_dropout
from t5x.model.layers.embedding import Embedding
from t5x.model.layers.layer_norm import LayerNorm
from t5x.model.layers.mlp import KERNEL_INIT, MlpBlock
from t5x.model.layers.output import OutputProjection
from t5x.model.layers.relative_position import RelativePositionBias
from t5x.projected_loss import LossSums
from t5x.shard.constraint import constrain

ACTIVATION_AXES = ("batch", "length", "embed")


@struct.dataclass
class TransformerConfig:
    """The sizes of a decoder. Defaults are T5X's.

    `dtype` is the compute dtype ('bfloat16' on accelerators); parameters are float32, logits always float32.
    """

    vocab_size: int
    dtype: Any = jnp.float32
    emb_dim: int = 512
    num_heads: int = 8
    num_layers: int = 6
    head_dim: int = 64
    mlp_dim: int = 2048
    mlp_activations: Sequence[str] = ("relu",)
    dropout_rate: float = 0.1
    logits_via_embedding: bool = False


class DecoderLayer(nn.Module):
    """Self-attention and MLP, each after a norm and around a residual."""

    config: TransformerConfig

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch query embed"],
        mask: Bool[Array, "#batch 1 query key"],
        bias: Float[Array, "#batch heads query key"],
        *,
        cache_index: Int[Array, " batch"] | None = None,
        max_decode_length: int | None = None,
        deterministic: bool,
    ) -> Float[Array, "batch query embed"]:
        cfg = self.config

        def residual(x, y):
            return constrain(x + feature_dropout(cfg.dropout_rate)(y, deterministic=deterministic), ACTIVATION_AXES)

        y = LayerNorm(cfg.dtype, name="pre_self_attention_layer_norm")(x)
        attention = MultiHeadAttention(cfg.num_heads, cfg.head_dim, cfg.dropout_rate, cfg.dtype, name="self_attention")
        y = attention(
            y,
            y,
            mask,
            bias,
            cache_index=cache_index,
            max_decode_length=max_decode_length,
            deterministic=deterministic,
        )
        x = residual(x, y)
        y = LayerNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        mlp = MlpBlock(cfg.mlp_dim, tuple(cfg.mlp_activations), cfg.dropout_rate, cfg.dtype, name="mlp")
        return residual(x, mlp(y, deterministic=deterministic))


class Decoder(OutputProjection):
    """Turns tokens into normed states, and owns the embedding and the output kernel."""

    config: TransformerConfig

    def setup(self) -> None:
        cfg = self.config
        self.token_embedder = Embedding(cfg.vocab_size, cfg.emb_dim, cfg.dtype)
        self.relpos_bias = RelativePositionBias(cfg.num_heads, False, cfg.dtype)
        self.layers = [DecoderLayer(cfg) for _ in range(cfg.num_layers)]
        self.decoder_norm = LayerNorm(cfg.dtype)
        self.embedding_dropout = feature_dropout(cfg.dropout_rate)
        self.output_dropout = feature_dropout(cfg.dropout_rate)
        if not cfg.logits_via_embedding:
            # float32 whatever the compute dtype: logits are always float32.
            self.logits_dense = Dense(cfg.vocab_size, ("embed", "vocab"), KERNEL_INIT, jnp.float32)

    def __call__(
        self, tokens: Int[Array, "batch query"], mask: Bool[Array, "batch 1 query query"], *, deterministic: bool
    ) -> Float[Array, "batch query embed"]:
        """Returns the normed states of whole sequences."""
        positions = jnp.arange(tokens.shape[-1])
        return self._states(tokens, mask, self.relpos_bias(positions, positions), deterministic=deterministic)

    def prefill(
        self,
        tokens: Int[Array, "batch query"],
        mask: Bool[Array, "batch 1 query query"],
        lengths: Int[Array, " batch"],
        max_decode_length: int,
    ) -> Float[Array, "batch query embed"]:
        """Returns the states of `tokens`, and fills the `cache` with their keys and values.

        Each example goes on at its own position: the first `lengths` of its tokens count as read.
        """
        self._cache_index(tokens.shape[0]).value = lengths
        positions = jnp.arange(tokens.shape[-1])
        bias = self.relpos_bias(positions, jnp.arange(max_decode_length))
        mask = jnp.pad(mask, ((0, 0), (0, 0), (0, 0), (0, max_decode_length - tokens.shape[-1])))
        start = jnp.zeros((), jnp.int32)
        return self._states(
            tokens, mask, bias, cache_index=start, max_decode_length=max_decode_length, deterministic=True
        )

    def extend(self, tokens: Int[Array, "batch query"], max_decode_length: int) -> Float[Array, "batch query embed"]:
        """Returns the states of the tokens that follow what the `cache` holds, and adds them to it."""
        batch, width = tokens.shape
        cache_index = self._cache_index(batch)
        index = cache_index.value
        cache_index.value = index + width
        queries, keys = index[:, None] + jnp.arange(width), jnp.arange(max_decode_length)  # [B, Q], [K]
        mask = (keys <= queries[:, :, None])[:, None]
        bias = self.relpos_bias(queries.reshape(-1), keys)  # [1, H, B * Q, K]
        bias = bias.reshape(-1, batch, width, max_decode_length).swapaxes(0, 1)
        return self._states(
            tokens, mask, bias, cache_index=index, max_decode_length=max_decode_length, deterministic=True
        )

    @nn.compact
    def _cache_index(self, batch: int) -> nn.Variable:
        """Returns where each example goes on."""
        return self.variable("cache", "cache_index", jnp.zeros, (batch,), jnp.int32)

    def _states(self, tokens, mask, bias, *, cache_index=None, max_decode_length=None, deterministic):
        x = self.embedding_dropout(self.token_embedder(tokens), deterministic=deterministic)
        x = constrain(x, ACTIVATION_AXES)
        for layer in self.layers:
            x = layer(
                x,
                mask,
                bias,
                cache_index=cache_index,
                max_decode_length=max_decode_length,
                deterministic=deterministic,
            )
        return self.output_dropout(self.decoder_norm(x), deterministic=deterministic)


class DecoderWrapper(nn.Module):
    """The network: a decoder under the name `decoder`, as in T5X's parameter tree."""

    config: TransformerConfig

    def setup(self) -> None:
        self.decoder = Decoder(self.config)

    def __call__(
        self,
        decoder_input_tokens: Int[Array, "batch length"],
        decoder_target_tokens: Int[Array, "batch length"],
        decoder_segment_ids: Int[Array, "batch length"] | None = None,
        decoder_positions: Int[Array, "batch length"] | None = None,
        decoder_causal_attention: Int[Array, "batch length"] | None = None,
        *,
        enable_dropout: bool = True,
        decode: bool = False,
        max_decode_length: int | None = None,
        prefill: bool = False,
        prefill_lengths: Int[Array, " batch"] | None = None,
    ) -> Float[Array, "batch length vocab"]:
        """Returns logits `[B, L, V]`.

        Args:
          decoder_input_tokens: the targets shifted right.
          decoder_target_tokens: above 0 where a position is real.
          decoder_segment_ids: of packed examples.
          decoder_positions: accepted and unused, as in T5X: distances inside a segment are the same.
          decoder_causal_attention: 1 on positions that see each other in both directions.
          enable_dropout: drops features; never while decoding.
          decode: the input tokens follow, in each example, what the `cache` collection (mutable) holds.
          max_decode_length: positions that the cache has; the length of the input tokens if None.
          prefill: fills the `cache` collection (mutable) with the input tokens.
          prefill_lengths: how many tokens of each example then count as read; all of them if None.
        """
        length = max_decode_length or decoder_input_tokens.shape[-1]
        if decode:
            states = self.decoder.extend(decoder_input_tokens, length)
        else:
            mask = masks.decoder_mask(decoder_target_tokens, decoder_segment_ids, decoder_causal_attention)
            if prefill:
                if prefill_lengths is None:
                    prefill_lengths = jnp.full(decoder_input_tokens.shape[:1], decoder_input_tokens.shape[1], jnp.int32)
                states = self.decoder.prefill(decoder_input_tokens, mask, prefill_lengths, length)
            else:
                states = self.decoder(decoder_input_tokens, mask, deterministic=not enable_dropout)
        return constrain(self.decoder.logits(states), ("batch", "length", "vocab"))

    def loss_sums(
        self,
        decoder_input_tokens: Int[Array, "batch length"],
        decoder_target_tokens: Int[Array, "batch length"],
        weights: Float[Array, "batch length"],
        decoder_segment_ids: Int[Array, "batch length"] | None = None,
        decoder_causal_attention: Int[Array, "batch length"] | None = None,
        *,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        enable_dropout: bool = True,
    ) -> LossSums:
        """Returns the weighted sums of the loss of `__call__`'s logits, computed in chunks over tokens."""
        mask = masks.decoder_mask(decoder_target_tokens, decoder_segment_ids, decoder_causal_attention)
        states = self.decoder(decoder_input_tokens, mask, deterministic=not enable_dropout)
        return self.decoder.loss_sums(
            states, decoder_target_tokens, weights, label_smoothing=label_smoothing, z_loss=z_loss
        )
