"""Feature dropout: one mask for all positions of a sequence.

Source: T5X drops whole features of a sequence after embeddings, attention and MLP, by broadcasting over the length.
"""

from __future__ import annotations

import flax.linen as nn

_LENGTH_AXIS = -2  # of [B, L, E]


def feature_dropout(rate: float) -> nn.Dropout:
    """Returns a dropout layer whose mask is `[B, 1, E]`."""
    return nn.Dropout(rate, broadcast_dims=(_LENGTH_AXIS,))
