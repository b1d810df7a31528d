"""Saves checkpoint after checkpoint until it is killed: `python saving_process.py FOLDER`."""

from __future__ import annotations

import pathlib
import sys

import jax
import jax.numpy as jnp
from states import numpy_state

from t5x.ckpt import discovery
from t5x.ckpt.save import CheckpointSaver

SHAPES = {f"kernel_{index}": (96, 128) for index in range(12)}


class Position:
    """A data position that is the step."""

    def __init__(self, step: int):
        self.step = step

    def save(self, path_prefix: str) -> None:
        """Writes the step."""
        pathlib.Path(f"{path_prefix}.index").write_text(str(self.step))

    def restore(self, path_prefix: str) -> None:
        """Reads the step."""
        self.step = int(pathlib.Path(f"{path_prefix}.index").read_text())


def main(folder: str) -> None:
    """Goes on from the latest step; says `ready` once it saves."""
    with CheckpointSaver(folder, keep=2) as saver:
        step = discovery.latest_step(folder) or 0
        print("ready", flush=True)
        while True:
            step += 1
            saver.save(step, jax.tree.map(jnp.asarray, numpy_state(step, SHAPES)), Position(step))


if __name__ == "__main__":
    main(sys.argv[1])
