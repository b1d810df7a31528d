"""Optimizer definitions and learning-rate schedules. jax only."""
