"""Models: what a batch's loss, predictions and scores are. jax only."""
