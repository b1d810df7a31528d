"""One of two processes that save and restore together: `python one_of_two_processes.py INDEX PORT FOLDER`."""

from __future__ import annotations

import sys

import jax
import numpy as np
from saving_process import Position
from states import mesh_of, numpy_state, sharding_of, template_of

from t5x.ckpt import discovery, layout
from t5x.ckpt.dataset_state import restore_dataset_state
from t5x.ckpt.restore import restore
from t5x.ckpt.save import CheckpointSaver


def main(index: int, port: int, folder: str) -> None:
    """Saves three steps on a mesh over both processes, keeps two, restores on another mesh and compares its part."""
    jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=index)

    def place(path, value):
        return jax.make_array_from_callback(value.shape, sharding_of(path, mesh), lambda part: value[part])

    mesh = mesh_of(2, 2)
    with CheckpointSaver(folder, keep=2) as saver:
        for step in (1, 2, 3):
            state = jax.tree_util.tree_map_with_path(place, jax.tree.map(np.asarray, numpy_state(step)))
            saver.save(step, state, Position(100 * index + step))
    assert discovery.latest_step(folder) == 3
    path = layout.checkpoint_path(folder, 3)
    restored = restore(path, template_of(numpy_state(3), mesh_of(4, 1)))
    for leaf, expected in zip(jax.tree.leaves(restored), jax.tree.leaves(numpy_state(3)), strict=True):
        for shard in leaf.addressable_shards:
            np.testing.assert_array_equal(np.asarray(shard.data), np.asarray(expected)[shard.index])
    position = Position(-1)
    restore_dataset_state(path, position)
    assert position.step == 100 * index + 3
    print("same")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
