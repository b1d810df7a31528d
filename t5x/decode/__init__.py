"""Decoding: sampling, beam search, and the cache they carry. jax only."""
