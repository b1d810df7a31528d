"""`t5x benchmark`: how fast a network trains, evaluates and decodes on this machine. jax only."""
