"""The T5 network: encoder, decoder, and the way from token ids to logits or to a loss.

Enters: token ids `[B, L]`, 0 is padding; segment ids for packed batches. Leaves: float32 logits `[B, L, V]`.
Source: T5 paper (arXiv:1910.10683) section 2.1; parameter names, casts and dropout places as in T5X
`examples/t5/network.py`, so that its checkpoints give the same logits. T5 1.0 is `('relu',)` with tied logits,
T5 1.1, mT5 and ByT5 are `('gelu', 'linear')` with an output kernel of their own.
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
class T5Config:
    """The sizes of a T5. Defaults are T5X's.

    `dtype` is the compute dtype ('bfloat16' on accelerators); parameters are float32, logits always float32.
    """

    vocab_size: int
    dtype: Any = jnp.float32
    emb_dim: int = 512
    num_heads: int = 8
    num_encoder_layers: int = 6
    num_decoder_layers: int = 6
    head_dim: int = 64
    mlp_dim: int = 2048
    mlp_activations: Sequence[str] = ("relu",)
    dropout_rate: float = 0.1
    logits_via_embedding: bool = False
    float32_attention_logits: bool = False


def _attention(cfg: T5Config, name: str) -> MultiHeadAttention:
    return MultiHeadAttention(
        cfg.num_heads, cfg.head_dim, cfg.dropout_rate, cfg.dtype, cfg.float32_attention_logits, name=name
    )


def _mlp(cfg: T5Config) -> MlpBlock:
    return MlpBlock(cfg.mlp_dim, tuple(cfg.mlp_activations), cfg.dropout_rate, cfg.dtype, name="mlp")


class EncoderLayer(nn.Module):
    """Self-attention and MLP, each after a norm and around a residual."""

    config: T5Config

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length embed"],
        mask: Bool[Array, "batch 1 length length"],
        bias: Float[Array, "1 heads length length"],
        *,
        deterministic: bool,
    ) -> Float[Array, "batch length embed"]:
        cfg = self.config
        dropout = feature_dropout(cfg.dropout_rate)
        y = LayerNorm(cfg.dtype, name="pre_attention_layer_norm")(x)
        y = _attention(cfg, "attention")(y, y, mask, bias, deterministic=deterministic)
        x = constrain(x + dropout(y, deterministic=deterministic), ACTIVATION_AXES)
        y = LayerNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        y = _mlp(cfg)(y, deterministic=deterministic)
        return constrain(x + feature_dropout(cfg.dropout_rate)(y, deterministic=deterministic), ACTIVATION_AXES)


class DecoderLayer(nn.Module):
    """Self-attention, attention to the encoder, and MLP, each after a norm and around a residual."""

    config: T5Config

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch query embed"],
        encoded: Float[Array, "#batch inputs embed"],
        self_mask: Bool[Array, "#batch 1 query key"],
        self_bias: Float[Array, "1 heads query key"],
        cross_mask: Bool[Array, "batch 1 query inputs"],
        *,
        cache_index: Int[Array, ""] | None = None,
        max_decode_length: int | None = None,
        deterministic: bool,
    ) -> Float[Array, "batch query embed"]:
        cfg = self.config

        def residual(x, y):
            return constrain(x + feature_dropout(cfg.dropout_rate)(y, deterministic=deterministic), ACTIVATION_AXES)

        y = LayerNorm(cfg.dtype, name="pre_self_attention_layer_norm")(x)
        y = _attention(cfg, "self_attention")(
            y,
            y,
            self_mask,
            self_bias,
            cache_index=cache_index,
            max_decode_length=max_decode_length,
            deterministic=deterministic,
        )
        x = residual(x, y)
        y = LayerNorm(cfg.dtype, name="pre_cross_attention_layer_norm")(x)
        y = _attention(cfg, "encoder_decoder_attention")(y, encoded, cross_mask, deterministic=deterministic)
        x = residual(x, y)
        y = LayerNorm(cfg.dtype, name="pre_mlp_layer_norm")(x)
        return residual(x, _mlp(cfg)(y, deterministic=deterministic))


class Encoder(nn.Module):
    """Embeds and encodes inputs; its last dropout, unlike all others, draws a mask per position (as in T5X)."""

    config: T5Config
    token_embedder: Embedding

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch length"],
        mask: Bool[Array, "batch 1 length length"],
        *,
        deterministic: bool,
    ) -> Float[Array, "batch length embed"]:
        cfg = self.config
        positions = jnp.arange(tokens.shape[-1])
        bias = RelativePositionBias(cfg.num_heads, True, cfg.dtype, name="relpos_bias")(positions, positions)
        x = self.token_embedder(tokens)
        x = feature_dropout(cfg.dropout_rate)(x, deterministic=deterministic)
        x = constrain(x, ACTIVATION_AXES)
        for i in range(cfg.num_encoder_layers):
            x = EncoderLayer(cfg, name=f"layers_{i}")(x, mask, bias, deterministic=deterministic)
        x = LayerNorm(cfg.dtype, name="encoder_norm")(x)
        return nn.Dropout(cfg.dropout_rate)(x, deterministic=deterministic)


class Decoder(OutputProjection):
    """Decodes targets to normed states `[B, L, E]`, and owns the output kernel that turns them into logits."""

    config: T5Config
    token_embedder: Embedding

    def setup(self) -> None:
        cfg = self.config
        self.relpos_bias = RelativePositionBias(cfg.num_heads, False, cfg.dtype)
        self.layers = [DecoderLayer(cfg) for _ in range(cfg.num_decoder_layers)]
        self.decoder_norm = LayerNorm(cfg.dtype)
        self.embedding_dropout = feature_dropout(cfg.dropout_rate)
        self.output_dropout = feature_dropout(cfg.dropout_rate)
        if not cfg.logits_via_embedding:
            # float32 whatever the compute dtype: logits are always float32.
            self.logits_dense = Dense(cfg.vocab_size, ("embed", "vocab"), KERNEL_INIT, jnp.float32)

    @nn.compact
    def __call__(
        self,
        encoded: Float[Array, "#batch inputs embed"],
        tokens: Int[Array, "batch query"],
        self_mask: Bool[Array, "batch 1 query query"] | None,
        cross_mask: Bool[Array, "batch 1 query inputs"],
        *,
        deterministic: bool,
        max_decode_length: int | None = None,
    ) -> Float[Array, "batch query embed"]:
        """Returns the normed decoder states.

        With `max_decode_length` the tokens continue what the `cache` collection holds, at `cache/decoder/cache_index`,
        which advances by their number; `self_mask` is then made here from that index.
        """
        query_positions = jnp.arange(tokens.shape[-1])
        key_positions = query_positions
        index = None
        if max_decode_length is not None:
            cache_index = self.variable("cache", "cache_index", jnp.zeros, (), jnp.int32)
            index = cache_index.value
            cache_index.value = index + tokens.shape[-1]
            query_positions = index + query_positions
            key_positions = jnp.arange(max_decode_length)
            self_mask = (key_positions[None, :] <= query_positions[:, None])[None, None]
        bias = self.relpos_bias(query_positions, key_positions)
        x = self.embedding_dropout(self.token_embedder(tokens), deterministic=deterministic)
        x = constrain(x, ACTIVATION_AXES)
        for layer in self.layers:
            x = layer(
                x,
                encoded,
                self_mask,
                bias,
                cross_mask,
                cache_index=index,
                max_decode_length=max_decode_length,
                deterministic=deterministic,
            )
        return self.output_dropout(self.decoder_norm(x), deterministic=deterministic)


class Transformer(nn.Module):
    """T5, the encoder-decoder."""

    config: T5Config

    def setup(self) -> None:
        cfg = self.config
        self.token_embedder = Embedding(cfg.vocab_size, cfg.emb_dim, cfg.dtype)
        self.encoder = Encoder(cfg, self.token_embedder)
        self.decoder = Decoder(cfg, self.token_embedder)

    def encode(
        self,
        encoder_input_tokens: Int[Array, "batch inputs"],
        encoder_segment_ids: Int[Array, "batch inputs"] | None = None,
        enable_dropout: bool = True,
    ) -> Float[Array, "batch inputs embed"]:
        """Returns the encoded inputs."""
        mask = masks.encoder_mask(encoder_input_tokens, encoder_segment_ids)
        return self.encoder(encoder_input_tokens, mask, deterministic=not enable_dropout)

    def decode(
        self,
        encoded: Float[Array, "#batch inputs embed"],
        encoder_input_tokens: Int[Array, "#batch inputs"],
        decoder_input_tokens: Int[Array, "batch targets"],
        decoder_target_tokens: Int[Array, "batch targets"],
        encoder_segment_ids: Int[Array, "batch inputs"] | None = None,
        decoder_segment_ids: Int[Array, "batch targets"] | None = None,
        decoder_positions: Int[Array, "batch targets"] | None = None,
        enable_dropout: bool = True,
        decode: bool = False,
        max_decode_length: int | None = None,
    ) -> Float[Array, "batch targets vocab"]:
        """Returns logits `[B, L, V]`.

        With `decode=True` the input tokens are the next positions, and the `cache` collection (mutable) holds the
        earlier ones, up to `max_decode_length`. `decoder_positions` is accepted and unused, as in T5X: distances
        inside a segment are the same.
        """
        states = self._decoder_states(
            encoded,
            encoder_input_tokens,
            decoder_input_tokens,
            decoder_target_tokens,
            encoder_segment_ids,
            decoder_segment_ids,
            enable_dropout,
            (max_decode_length or decoder_input_tokens.shape[-1]) if decode else None,
        )
        return constrain(self.decoder.logits(states), ("batch", "length", "vocab"))

    def _decoder_states(
        self,
        encoded,
        encoder_input_tokens,
        decoder_input_tokens,
        decoder_target_tokens,
        encoder_segment_ids=None,
        decoder_segment_ids=None,
        enable_dropout=True,
        max_decode_length=None,
    ):
        if max_decode_length is not None:
            self_mask = None
            cross_mask = masks.visible_tokens(jnp.ones_like(decoder_target_tokens), encoder_input_tokens)
        else:
            self_mask = masks.decoder_mask(decoder_target_tokens, decoder_segment_ids)
            cross_mask = masks.cross_mask(
                decoder_target_tokens, encoder_input_tokens, decoder_segment_ids, encoder_segment_ids
            )
        return self.decoder(
            encoded,
            decoder_input_tokens,
            self_mask,
            cross_mask,
            deterministic=not enable_dropout,
            max_decode_length=max_decode_length,
        )

    def __call__(
        self,
        encoder_input_tokens: Int[Array, "batch inputs"],
        decoder_input_tokens: Int[Array, "batch targets"],
        decoder_target_tokens: Int[Array, "batch targets"],
        encoder_segment_ids: Int[Array, "batch inputs"] | None = None,
        decoder_segment_ids: Int[Array, "batch targets"] | None = None,
        encoder_positions: Int[Array, "batch inputs"] | None = None,
        decoder_positions: Int[Array, "batch targets"] | None = None,
        *,
        enable_dropout: bool = True,
        decode: bool = False,
    ) -> Float[Array, "batch targets vocab"]:
        """Returns the logits `[B, L, V]` of every target position. Positions are accepted and unused, as in T5X."""
        encoded = self.encode(encoder_input_tokens, encoder_segment_ids, enable_dropout)
        return self.decode(
            encoded,
            encoder_input_tokens,
            decoder_input_tokens,
            decoder_target_tokens,
            encoder_segment_ids,
            decoder_segment_ids,
            enable_dropout=enable_dropout,
            decode=decode,
        )

    def loss_sums(
        self,
        encoder_input_tokens: Int[Array, "batch inputs"],
        decoder_input_tokens: Int[Array, "batch targets"],
        decoder_target_tokens: Int[Array, "batch targets"],
        weights: Float[Array, "batch targets"],
        encoder_segment_ids: Int[Array, "batch inputs"] | None = None,
        decoder_segment_ids: Int[Array, "batch targets"] | None = None,
        *,
        label_smoothing: float = 0.0,
        z_loss: float = 0.0,
        enable_dropout: bool = True,
    ) -> LossSums:
        """Returns the weighted sums of the loss of `__call__`'s logits, computed in chunks over tokens."""
        encoded = self.encode(encoder_input_tokens, encoder_segment_ids, enable_dropout)
        states = self._decoder_states(
            encoded,
            encoder_input_tokens,
            decoder_input_tokens,
            decoder_target_tokens,
            encoder_segment_ids,
            decoder_segment_ids,
            enable_dropout,
        )
        return self.decoder.loss_sums(
            states, decoder_target_tokens, weights, label_smoothing=label_smoothing, z_loss=z_loss
        )
