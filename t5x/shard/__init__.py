"""Where arrays live: the mesh, logical axis rules, the partitioner. jax only."""
