"""The layers of T5, one file each. jax only."""
