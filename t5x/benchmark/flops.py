"""Model FLOPs: what the matrix products of T5 need, by formula.

Enters: T5Config and the shape of a batch. Leaves: floating-point operations, a multiply-add counted as two.
Counted as in PaLM (arXiv:2204.02311, appendix B): products only, every position of the batch (padding and masked
positions are computed too), and nothing that is computed twice to save memory. Element-wise work, look-ups and the
optimizer are left out; XLA's own count, which has them, is a few percent higher.
With N tokens, E the width, J = heads * head width, F the hidden width, V the vocabulary:
    attention projections 2 * 4 * N * E * J; scores and gathering 2 * 2 * queries * keys * J per example;
    MLP 2 * (activations + 1) * N * E * F; logits 2 * N * E * V.
A training step is three forward passes: every product has one gradient per factor. Decoding with a cache is one
forward pass: each new token looks at all places of the cache, as it does in training.
"""

from __future__ import annotations

from t5x.examples.t5.network import T5Config


def forward_flops(config: T5Config, batch: int, inputs: int, targets: int) -> int:
    """Returns the FLOPs of the loss of `batch` examples of `inputs` and `targets` tokens."""
    encoder = config.num_encoder_layers * batch * _encoder_layer(config, inputs)
    cross = config.num_decoder_layers * batch * _projections(config, 2, inputs)  # keys and values of the encoded inputs
    return encoder + cross + batch * _decoder_tokens(config, targets, inputs)


def training_flops(config: T5Config, batch: int, inputs: int, targets: int) -> int:
    """Returns the FLOPs of one training step."""
    return 3 * forward_flops(config, batch, inputs, targets)


def _projections(config: T5Config, kernels: int, tokens: int) -> int:
    return 2 * kernels * tokens * config.emb_dim * config.num_heads * config.head_dim


def _attention(config: T5Config, queries: int, keys: int) -> int:
    return 2 * 2 * queries * keys * config.num_heads * config.head_dim


def _mlp(config: T5Config, tokens: int) -> int:
    return 2 * (len(config.mlp_activations) + 1) * tokens * config.emb_dim * config.mlp_dim


def _encoder_layer(config: T5Config, tokens: int) -> int:
    return _projections(config, 4, tokens) + _attention(config, tokens, tokens) + _mlp(config, tokens)


def _decoder_tokens(config: T5Config, tokens: int, inputs: int) -> int:
    """All layers and the logits, for `tokens` positions; of cross attention only the queries' side."""
    layer = _projections(config, 4 + 2, tokens) + _mlp(config, tokens)
    layer += _attention(config, tokens, tokens) + _attention(config, tokens, inputs)
    return config.num_decoder_layers * layer + 2 * tokens * config.emb_dim * config.vocab_size
